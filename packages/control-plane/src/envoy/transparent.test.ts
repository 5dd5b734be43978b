import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { meshTls, type PolicyDefinition, type ProxyPlan, type TransparentPlan } from "@skein/policies";
import { webPlan } from "../api/testing/plan.ts";
import type { Fragment } from "../xds/fragment.ts";
import { FragmentTable } from "../xds/fragment-table.ts";
import { Translator } from "./translator.ts";

const TRANSPARENT: TransparentPlan = {
  outboundPort: 15_001,
  inboundPort: 15_006,
  ipv6: true,
  passthrough: true,
  strictPorts: false,
  serviceless: false,
};

/** A policy that adds a cluster named by its entry, as long as nobody has before. */
function policyOf(order: number, type: string): PolicyDefinition {
  return {
    kind: { ...meshTls.kind, type },
    order,
    translateTransparent: (plan, { clusters, listeners }) => {
      if (plan === undefined) return;
      clusters.set(
        JSON.stringify(plan),
        create(ClusterSchema, { name: `${type}, after ${[...clusters.keys()].length}` }),
      );
      listeners.ipv4.filterChains = [];
    },
    origins: () => [{ policy: `kri of ${type}`, rule: "default" }],
  };
}

function plan(fields: Partial<TransparentPlan> = {}, policies: ProxyPlan["policies"] = {}): ProxyPlan {
  return { ...webPlan, policies, transparent: { ...TRANSPARENT, ...fields } };
}

function listener(fragments: readonly Fragment[], name: string): Listener {
  const found = fragments.find((each) => each.name === name);
  assert.ok(found, `there is no ${name} among ${fragments.map((each) => each.name).join(", ")}`);
  return fromBinary(ListenerSchema, fromBinary(AnySchema, found.any).value);
}

const names = (fragments: readonly Fragment[]): readonly string[] => fragments.map(({ name }) => name);
const OUTBOUND = "self_transparentproxy_passthrough_outbound";
const INBOUND = "self_transparentproxy_passthrough_inbound";

test("proxies with the same redirects share what takes them, however many there are", () => {
  const translator = new Translator([], new FragmentTable());
  const first = translator.transparent(plan(), true);
  for (let i = 0; i < 1_000; i++) {
    const other = translator.transparent({ ...plan(), name: `web-${i}`, address: `10.0.0.${i}` }, true);
    assert.deepEqual(other, first);
    for (const [at, fragment] of other.listeners.entries()) assert.equal(fragment, first.listeners[at]);
  }
  const closed = translator.transparent(plan({ passthrough: false }), true);
  assert.deepEqual(
    names(first.clusters).filter((name) => !names(closed.clusters).includes(name)),
    [`${OUTBOUND}_ipv4`, `${OUTBOUND}_ipv6`],
  );
  assert.deepEqual(closed.listeners, first.listeners);
});

test("only what is redirected has a listener", () => {
  const translator = new Translator([], new FragmentTable());
  const made = (fields: Partial<TransparentPlan>) =>
    names(translator.transparent(plan(fields), true).listeners);
  assert.deepEqual(made({}), [`${OUTBOUND}_ipv4`, `${OUTBOUND}_ipv6`, `${INBOUND}_ipv4`, `${INBOUND}_ipv6`]);
  assert.deepEqual(made({ ipv6: false }), [`${OUTBOUND}_ipv4`, `${INBOUND}_ipv4`]);
  assert.deepEqual(made({ inboundPort: undefined, ipv6: false }), [`${OUTBOUND}_ipv4`]);
  assert.deepEqual(made({ outboundPort: undefined, ipv6: false }), [`${INBOUND}_ipv4`]);
  assert.deepEqual(translator.transparent(webPlan, true), { clusters: [], listeners: [] });
});

test("policies change what takes the connections of applications, in their order", () => {
  const definitions = [policyOf(1, "First"), policyOf(2, "Second"), policyOf(3, "Silent")];
  const translator = new Translator(definitions, new FragmentTable());
  const said = plan({ passthrough: false, ipv6: false }, { First: { said: "a" }, Second: { said: "b" } });
  const { clusters, listeners } = translator.transparent(said, true);
  const passing = names(clusters).filter((name) => !name.startsWith("self_"));
  assert.deepEqual(passing, ["First, after 0", "Second, after 1"]);
  assert.deepEqual(
    listener(listeners, `${OUTBOUND}_ipv4`).filterChains.map(
      (chain) => chain.filterChainMatch?.destinationPort,
    ),
    [15_001],
    "but the port of redirection itself stays closed",
  );
  assert.deepEqual(listeners[0]?.origins, ["kri of First", "kri of Second"]);
  // Who is told something else has something else.
  const other = translator.transparent(
    plan({ passthrough: false, ipv6: false }, { First: { said: "c" } }),
    true,
  );
  assert.notEqual(other.listeners[0], listeners[0]);
});

test("the port of an inbound that demands mesh TLS does so at every address; others are open, unless ports are strict", () => {
  const translator = new Translator([], new FragmentTable());
  const [inbound] = webPlan.inbounds;
  assert.ok(inbound);
  const tls = { certificateSecret: "c", validationSecret: "v", trustDomains: [] };
  const of = (mode: "strict" | "permissive", fields: Partial<TransparentPlan>) => {
    const shared = { ...inbound.shared, tls: { mode, ...tls } };
    const { listeners } = translator.transparent(
      { ...plan(fields), inbounds: [{ ...inbound, shared }] },
      true,
    );
    const { filterChains, listenerFilters } = listener(listeners, `${INBOUND}_ipv6`);
    const chains = filterChains.map(
      ({ filterChainMatch, transportSocket }) =>
        `${filterChainMatch?.destinationPort ?? "any"}${transportSocket === undefined ? "" : " tls"}`,
    );
    return { chains, disabled: listenerFilters.map(({ filterDisabled }) => filterDisabled?.rule.case) };
  };
  assert.deepEqual(of("strict", {}).chains, ["8080 tls", "any", "15006", "15001"]);
  assert.deepEqual(of("strict", { strictPorts: true }).chains, ["8080 tls"]);
  assert.deepEqual(of("strict", { strictPorts: true, serviceless: true }).chains, ["8080 tls", "49151"]);
  assert.deepEqual(of("permissive", {}), { chains: ["any", "15006", "15001"], disabled: [] });
  // Ports of servers that speak first are not waited on for what the client says.
  assert.deepEqual(of("permissive", { strictPorts: true }), {
    chains: ["8080", "8080", "8080 tls"],
    disabled: [undefined, "notMatch"],
  });
});

test("an inbound that others may pass by has its chains for its own address, until its listener is replaced by another", () => {
  const translator = new Translator([], new FragmentTable());
  const [inbound] = webPlan.inbounds;
  assert.ok(inbound);
  const chainsOf = (ip: "ipv4" | "ipv6", inbounds: ProxyPlan["inbounds"], fields = {}) => {
    const { listeners } = translator.transparent({ ...plan(fields), inbounds }, true);
    return listener(listeners, `${INBOUND}_${ip}`).filterChains.map(
      ({ filterChainMatch: match, filters }) => {
        const at = match?.prefixRanges.map(
          ({ addressPrefix, prefixLen }) => `${addressPrefix}/${prefixLen} `,
        );
        const name = filters[0]?.name.split(".").at(-1);
        return `${at?.join("") ?? ""}${match?.destinationPort ?? "any"} ${name}`;
      },
    );
  };
  const passing = (...ports: readonly (number | "any")[]) => ports.map((port) => `${port} tcp_proxy`);
  const redirected = { ...inbound, address: "192.0.2.1", redirected: true } as const;
  const other = { ...redirected, address: "2001:db8::1", port: 81 };
  assert.deepEqual(chainsOf("ipv4", [redirected, other]), [
    "192.0.2.1/32 8080 http_connection_manager",
    // Its port at every other address is open, as before.
    ...passing(8080, "any", 15_006, 15_001),
  ]);
  assert.deepEqual(chainsOf("ipv6", [redirected, other]), [
    "2001:db8::1/128 81 http_connection_manager",
    ...passing(81, "any", 15_006, 15_001),
  ]);
  const tls = { certificateSecret: "c", validationSecret: "v", trustDomains: [], mode: "strict" } as const;
  const strict = { ...redirected, shared: { ...inbound.shared, tls } };
  assert.deepEqual(chainsOf("ipv4", [strict]), [
    "8080 http_connection_manager",
    ...passing("any", 15_006, 15_001),
  ]);
  // Who speaks first at another address of its family is waited for as at its own; at others nobody is.
  const permissive = { ...tls, mode: "permissive" } as const;
  const bytes = { ...redirected, shared: { ...inbound.shared, protocol: "tcp", tls: permissive } } as const;
  const inspecting = (ip: "ipv4" | "ipv6") => {
    const { listeners } = translator.transparent({ ...plan(), inbounds: [bytes] }, true);
    const made = listener(listeners, `${INBOUND}_${ip}`);
    return [made.listenerFilters.length, made.continueOnListenerFiltersTimeout];
  };
  assert.deepEqual(
    [inspecting("ipv4"), inspecting("ipv6")],
    [
      [2, true],
      [0, false],
    ],
  );
  // Two inbounds at one port: the strict one's is everywhere else.
  assert.deepEqual(chainsOf("ipv4", [strict, { ...redirected, address: "192.0.2.2" }]), [
    "8080 http_connection_manager",
    "192.0.2.2/32 8080 http_connection_manager",
    ...passing("any", 15_006, 15_001),
  ]);
  // Two services of one port: Envoy takes one chain for a place.
  assert.deepEqual(chainsOf("ipv4", [redirected, redirected]), chainsOf("ipv4", [redirected]));
  const bound = { ...inbound, address: "192.0.2.1" };
  assert.deepEqual(chainsOf("ipv4", [bound]), passing("any", 15_006, 15_001));
});
