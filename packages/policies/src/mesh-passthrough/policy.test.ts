import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { json } from "../testing/drafts.ts";
import { passage } from "../testing/filter-chains.ts";
import { valid } from "../testing/resources.ts";
import { IPV4_NAME, IPV6_NAME, transparentDraft } from "../testing/transparent-drafts.ts";
import { meshPassthrough, type PassthroughPlan } from "./policy.ts";

const policy = (conf: object, name = "p", spec: object = {}) =>
  valid(meshPassthrough.kind, { ...spec, default: conf }, { name });
const matched = (...appendMatch: readonly object[]) => policy({ passthroughMode: "Matched", appendMatch });
const WEB = { targetRef: { kind: "Dataplane", labels: { app: "web" } } };
const IP = { type: "IP", value: "192.0.2.7" };

const planned = (...policies: readonly ReturnType<typeof policy>[]) =>
  meshPassthrough.planProxy?.({ policies, mesh: "default" }) as PassthroughPlan | undefined;

const translated = (
  options: Parameters<typeof transparentDraft>[0],
  ...policies: ReturnType<typeof policy>[]
) => {
  const draft = transparentDraft(options);
  meshPassthrough.translateTransparent?.(planned(...policies), draft);
  return draft;
};
interface ListenerJson {
  readonly filterChains: readonly { readonly name?: string; readonly filterChainMatch?: object }[];
  readonly listenerFilters?: readonly { readonly name: string; readonly filterDisabled?: object }[];
  readonly listenerFiltersTimeout?: string;
  readonly continueOnListenerFiltersTimeout?: boolean;
}
const ipv4 = (...entries: readonly object[]): ListenerJson =>
  json(ListenerSchema, translated({}, matched(...entries)).listeners.ipv4) as ListenerJson;
const chains = ({ filterChains }: ListenerJson) =>
  Object.fromEntries(filterChains.map(({ name = "", filterChainMatch = {} }) => [name, filterChainMatch]));

test("entries of all policies count together, each with its place; the mode is the last one's to say", () => {
  const plan = planned(
    policy(
      {
        appendMatch: [
          { ...IP, port: 1 },
          { ...IP, port: 2 },
        ],
      },
      "web",
      WEB,
    ),
    policy({ passthroughMode: "None", appendMatch: [{ ...IP, port: 3 }] }, "all"),
  );
  assert.deepEqual(plan?.conf, {
    passthroughMode: "None",
    appendMatch: [
      { ...IP, port: 3 },
      { ...IP, port: 1 },
      { ...IP, port: 2 },
    ],
  });
  const [all, web] = ["kri_mp_default___all_", "kri_mp_default___web_"];
  assert.deepEqual(plan?.origins, {
    passthroughMode: { policy: all, rule: "default" },
    "appendMatch[0]": { policy: all, rule: "default.appendMatch[0]" },
    "appendMatch[1]": { policy: web, rule: "default.appendMatch[0]" },
    "appendMatch[2]": { policy: web, rule: "default.appendMatch[1]" },
  });
});

test("a policy that says nothing closes the mesh, and is found behind that", () => {
  assert.deepEqual(planned(policy({})), {
    conf: { passthroughMode: "Matched" },
    origins: { passthroughMode: { policy: "kri_mp_default___p_", rule: "default" } },
  });
  assert.deepEqual([...translated({}, policy({})).clusters.keys()], []);
  assert.equal(planned(), undefined);
});

test("All opens a closed mesh, None closes an open one, by the clusters that its listeners lead to", () => {
  const clusters = (passthrough: boolean, passthroughMode: string) => [
    ...translated({ passthrough }, policy({ passthroughMode })).clusters.keys(),
  ];
  for (const passthrough of [true, false]) {
    assert.deepEqual(clusters(passthrough, "All"), [IPV4_NAME, IPV6_NAME]);
    assert.deepEqual(clusters(passthrough, "None"), []);
  }
  assert.deepEqual([...translated({}).clusters.keys()], [IPV4_NAME, IPV6_NAME], "as it is without a policy");
});

test("without an entry for a family its listener leads nowhere, as Envoy wants it to lead somewhere", () => {
  const { listeners, clusters } = translated({}, matched(IP));
  assert.deepEqual([...clusters.keys()], ["meshpassthrough_tcp_192.0.2.7_*"]);
  assert.match(JSON.stringify(json(ListenerSchema, listeners.ipv6 ?? assert.fail())), new RegExp(IPV6_NAME));
  assert.equal(translated({ ipv6: false }, matched(IP)).listeners.ipv6, undefined);
});

test("an entry without port also holds on ports that others name, with their chains or without", () => {
  const listener = ipv4(IP, { type: "CIDR", value: "192.0.2.0/24", port: 443, protocol: "tls" });
  assert.deepEqual(chains(listener), {
    "meshpassthrough_tcp_192.0.2.7_443": {
      destinationPort: 443,
      prefixRanges: [{ addressPrefix: "192.0.2.7", prefixLen: 32 }],
    },
    "meshpassthrough_tls_192.0.2.0/24_443": {
      destinationPort: 443,
      prefixRanges: [{ addressPrefix: "192.0.2.0", prefixLen: 24 }],
      transportProtocol: "tls",
    },
    "meshpassthrough_tcp_192.0.2.7_*": { prefixRanges: [{ addressPrefix: "192.0.2.7", prefixLen: 32 }] },
  });
});

test("bytes, TLS and HTTP on one port", () => {
  const on = { port: 8443 };
  assert.deepEqual(
    chains(
      ipv4(
        { type: "CIDR", value: "0.0.0.0/0", ...on },
        { type: "CIDR", value: "0.0.0.0/0", ...on, protocol: "http" },
        { ...IP, ...on, protocol: "tls" },
      ),
    ),
    {
      "meshpassthrough_tls_192.0.2.7_8443": {
        destinationPort: 8443,
        prefixRanges: [{ addressPrefix: "192.0.2.7", prefixLen: 32 }],
        transportProtocol: "tls",
      },
      "meshpassthrough_http_0.0.0.0/0_8443_in_192.0.2.7/32": {
        destinationPort: 8443,
        prefixRanges: [{ addressPrefix: "192.0.2.7", prefixLen: 32 }],
        transportProtocol: "raw_buffer",
        applicationProtocols: ["http/1.0", "http/1.1", "h2c"],
      },
      "meshpassthrough_tcp_0.0.0.0/0_8443_in_192.0.2.7/32": {
        destinationPort: 8443,
        prefixRanges: [{ addressPrefix: "192.0.2.7", prefixLen: 32 }],
        transportProtocol: "raw_buffer",
      },
      "meshpassthrough_http_0.0.0.0/0_8443": {
        destinationPort: 8443,
        transportProtocol: "raw_buffer",
        applicationProtocols: ["http/1.0", "http/1.1", "h2c"],
      },
      "meshpassthrough_tcp_0.0.0.0/0_8443_tls": { destinationPort: 8443, transportProtocol: "tls" },
      "meshpassthrough_tcp_0.0.0.0/0_8443": { destinationPort: 8443, transportProtocol: "raw_buffer" },
    },
  );
});

test("HTTP by name: one chain for a port, a host for each name, and an answer for all others", () => {
  const listener = ipv4(
    { type: "Domain", value: "*.Example.com", port: 80, protocol: "http" },
    { type: "Domain", value: "api.example.com", protocol: "http" },
  );
  const hosts = listener.filterChains.map((chain) => [
    chain.name,
    Array.from(JSON.stringify(chain).matchAll(/"domains":(\[[^\]]*\])/g), ([, domains = ""]) =>
      JSON.parse(domains),
    ),
  ]);
  assert.deepEqual(hosts, [
    [
      "meshpassthrough_http_80",
      [["api.example.com", "api.example.com:80"], ["*.example.com", "*.example.com:80"], ["*"]],
    ],
    ["meshpassthrough_http_*", [["api.example.com", "api.example.com:*"], ["*"]]],
  ]);
  assert.match(
    JSON.stringify(listener),
    /"status":503,"body":\{"inlineString":"no entry of a MeshPassthrough/,
  );
  const everything = ipv4({ type: "Domain", value: "*", port: 80, protocol: "http" });
  assert.doesNotMatch(JSON.stringify(everything), /no_match/);
});

test("the version of HTTP: as it comes, or HTTP/2", () => {
  const options = (protocol: string) => {
    const [cluster] = [...translated({}, matched({ ...IP, port: 80, protocol })).clusters.values()];
    return JSON.stringify(json(ClusterSchema, cluster ?? assert.fail()));
  };
  assert.match(options("http"), /useDownstreamProtocolConfig/);
  assert.match(options("http2"), /explicitHttpConfig":\{"http2ProtocolOptions/);
  assert.match(options("grpc"), /explicitHttpConfig":\{"http2ProtocolOptions/);
  assert.doesNotMatch(options("tls"), /ProtocolOptions/);
});

test("first bytes are waited for only on ports where something depends on them", () => {
  const names = ({ listenerFilters = [] }: ListenerJson) =>
    listenerFilters.map(({ name }) => name.replace("envoy.filters.listener.", ""));
  const bytes = ipv4(IP, { ...IP, port: 3306, protocol: "mysql" });
  assert.deepEqual(names(bytes), []);
  assert.equal(bytes.continueOnListenerFiltersTimeout, undefined);
  const both = ipv4(
    { ...IP, port: 22 },
    { ...IP, port: 443, protocol: "tls" },
    { ...IP, port: 80, protocol: "http" },
  );
  assert.deepEqual(names(both), ["original_dst", "tls_inspector", "http_inspector"]);
  assert.equal(both.continueOnListenerFiltersTimeout, true);
  assert.equal(both.listenerFiltersTimeout, "2s");
  const waits = (listener: ListenerJson, port: number) =>
    passage(listener, { address: IP.value, port, says: { kind: "nothing" } });
  assert.deepEqual(waits(both, 22), { cluster: "meshpassthrough_tcp_192.0.2.7_22", hasWaited: false });
  assert.deepEqual(waits(both, 80), { cluster: undefined, hasWaited: true });
  assert.deepEqual(waits(both, 9), { cluster: undefined, hasWaited: false });
  const onEvery = ipv4(
    { ...IP, port: 22 },
    { ...IP, port: 3306, protocol: "mysql" },
    {
      type: "Domain",
      value: "*",
      protocol: "tls",
    },
  );
  assert.deepEqual(waits(onEvery, 22), { cluster: "meshpassthrough_tcp_192.0.2.7_22", hasWaited: true });
  assert.deepEqual(waits(onEvery, 3306), {
    cluster: "meshpassthrough_mysql_192.0.2.7_3306",
    hasWaited: false,
  });
});

test("of policies that speak differently of the same, the one of higher precedence counts; the other is told", () => {
  const entry = { type: "Domain", value: "api.example.com", port: 80 };
  const plan = planned(
    policy({ appendMatch: [{ ...entry, protocol: "grpc" }] }, "web", WEB),
    policy(
      {
        appendMatch: [
          { ...entry, protocol: "http" },
          { ...entry, value: "b.example.com", protocol: "http" },
        ],
      },
      "all",
    ),
  );
  const draft = transparentDraft();
  meshPassthrough.translateTransparent?.(plan, draft);
  assert.deepEqual(
    [...draft.clusters.keys()].sort(),
    ["meshpassthrough_grpc_api.example.com_80", "meshpassthrough_http_b.example.com_80"],
    "another name on the port keeps its own protocol",
  );
  assert.deepEqual(plan && meshPassthrough.conditions?.(plan, { outboundPort: 15_001 }), [
    {
      type: "PassthroughConflict",
      message:
        "kri_mp_default___all_ default.appendMatch[0]: http api.example.com on port 80 has no effect, because another entry says grpc of the same; they cannot be told apart",
    },
  ]);
});

test("the proxy's own port is not passed on to itself", () => {
  const own = { ...IP, port: 15_001 };
  const plan = planned(matched(own, IP)) ?? assert.fail();
  const draft = transparentDraft();
  meshPassthrough.translateTransparent?.(plan, draft);
  assert.deepEqual(Object.keys(chains(json(ListenerSchema, draft.listeners.ipv4) as ListenerJson)), [
    "meshpassthrough_tcp_192.0.2.7_*",
  ]);
  assert.deepEqual(meshPassthrough.conditions?.(plan, { outboundPort: 15_001 }), [
    {
      type: "PassthroughConflict",
      message:
        "kri_mp_default___p_ default.appendMatch[0]: port 15001 is the proxy's own, to which connections are redirected, so nothing leaves by it",
    },
  ]);
});

test("a proxy without transparent proxying has a condition instead", () => {
  const plan = planned(matched(IP)) ?? assert.fail();
  assert.deepEqual(
    meshPassthrough.conditions?.(plan, { outboundPort: undefined }).map(({ type }) => type),
    ["PassthroughWithoutTransparentProxy"],
  );
});
