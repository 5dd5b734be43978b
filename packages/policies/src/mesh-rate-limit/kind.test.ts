import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problems } from "../testing/resources.ts";
import { meshRateLimitKind } from "./kind.ts";

const MESH = { kind: "Mesh" };
const SIDECARS = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const GATEWAYS = { kind: "Mesh", proxyTypes: ["Gateway"] };
const ID = { spiffeID: { type: "Exact", value: "spiffe://td/a" } };
const SNI = { sni: { type: "Exact", value: "a.mesh" } };
const RATE = { num: 1, interval: "1s" };
const CONF = { local: { http: { requestRate: RATE } } };
const AT = "spec.rules[0].default.local";
const SCOPE =
  "must not be defined when the scope includes a Gateway, select only proxyType Sidecar or select only gateways and use spec.to";

const rules = (conf: unknown, ...matches: unknown[]) => ({
  targetRef: SIDECARS,
  rules: [{ matches, default: conf }],
});
const http = (conf: unknown) => rules({ local: { http: conf } });
const tcp = (conf: unknown) => rules({ local: { tcp: conf } });
const headers = (kind: string, ...list: unknown[]) => http({ onRateLimit: { headers: { [kind]: list } } });

const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  [
    "every field",
    rules({
      local: {
        http: {
          disabled: false,
          requestRate: { num: 10, interval: "51ms" },
          onRateLimit: {
            status: 503,
            headers: { set: [{ name: "a", value: "1" }], add: [{ name: "a", value: "" }] },
          },
        },
        tcp: { disabled: false, connectionRate: { num: 4_294_967_295, interval: "24h" } },
      },
    }),
    [],
  ],
  ["no policy at all", {}, []],
  ["no local", rules({}), [`${AT}: must be defined`]],
  ["nothing in local", rules({ local: {} }), [`${AT}: must have at least one defined: tcp, http`]],
  [
    "nothing in http",
    http({}),
    [`${AT}.http: must have at least one defined: disabled, requestRate, onRateLimit`],
  ],
  ["nothing in tcp", tcp({}), [`${AT}.tcp: must have at least one defined: disabled, connectionRate`]],
  ["switched off", http({ disabled: true }), []],
  [
    "no requests",
    http({ requestRate: { num: 0, interval: "1s" } }),
    [`${AT}.http.requestRate.num: must be greater than 0`],
  ],
  [
    "an interval too short for Envoy",
    tcp({ connectionRate: { num: 1, interval: "50ms" } }),
    [`${AT}.tcp.connectionRate.interval: must be greater than: 50ms`],
  ],
  ["half a rate", http({ requestRate: { num: 1 } }), [`${AT}.http.requestRate.interval: must be defined`]],
  [
    "a status of zero",
    http({ onRateLimit: { status: 0 } }),
    [`${AT}.http.onRateLimit.status: must be greater than 0`],
  ],
  [
    "a status that Envoy would reject",
    http({ onRateLimit: { status: 499 } }),
    [`${AT}.http.onRateLimit.status: 499 is no status of HTTP that Envoy knows; 429 is the usual one`],
  ],
  [
    "a header twice",
    headers("set", { name: "a", value: "1" }, { name: "a", value: "2" }),
    [`${AT}.http.onRateLimit.headers.set[1].name: "a" is there twice, give each header once`],
  ],
  [
    "a header in upper case",
    headers("add", { name: "X-A", value: "1" }),
    [`${AT}.http.onRateLimit.headers.add[0].name: must be a header name in lower case`],
  ],
  [
    "the host header",
    headers("set", { name: "host", value: "a" }),
    [`${AT}.http.onRateLimit.headers.set[0].name: host cannot be changed here`],
  ],
  [
    "a header of two lines",
    headers("add", { name: "a", value: "1\r\n2" }),
    [`${AT}.http.onRateLimit.headers.add[0].value: must be one line`],
  ],
  [
    "more headers than Envoy adds",
    http({
      onRateLimit: {
        headers: {
          set: Array.from({ length: 6 }, (_, i) => ({ name: `x-${i}`, value: "1" })),
          add: Array.from({ length: 5 }, (_, i) => ({ name: `y-${i}`, value: "1" })),
        },
      },
    }),
    [`${AT}.http.onRateLimit.headers: set and add must have at most 10 items together: Envoy adds no more`],
  ],
  [
    "seventeen headers",
    headers("add", ...Array.from({ length: 17 }, (_, i) => ({ name: `x-${i}`, value: "1" }))),
    [`${AT}.http.onRateLimit.headers: set and add must have at most 10 items together: Envoy adds no more`],
  ],
  ["a rule for a caller", rules(CONF, ID), []],
  [
    "a rule for a server name, with connections",
    rules({ local: { tcp: { connectionRate: RATE } } }, SNI),
    [],
  ],
  [
    "connections by caller",
    rules({ local: { tcp: { connectionRate: RATE } } }, SNI, ID),
    [
      `${AT}.tcp: can't be specified when matches contain spiffeID because this field cannot be conditioned on source identity`,
    ],
  ],
  [
    "a match for nobody",
    rules(CONF, {}),
    ["spec.rules[0].matches[0]: at least one of spiffeID or sni must be set"],
  ],
  ["from, for sidecars", { targetRef: SIDECARS, from: [{ targetRef: MESH, default: CONF }] }, []],
  [
    "from somebody",
    { targetRef: SIDECARS, from: [{ targetRef: { kind: "MeshSubset", tags: { a: "b" } }, default: CONF }] },
    ["spec.from[0].targetRef.kind: value is not supported, must be one of Mesh"],
  ],
  [
    "rules and from",
    { targetRef: SIDECARS, from: [{ targetRef: MESH, default: CONF }], rules: [{ default: CONF }] },
    ["spec: fields 'to' and 'from' must be empty when 'rules' is defined"],
  ],
  ["rules where gateways are in scope", { rules: [{ default: CONF }] }, [`spec.rules: ${SCOPE}`]],
  [
    "from where gateways are in scope",
    { targetRef: MESH, from: [{ targetRef: MESH, default: CONF }] },
    [`spec.from: ${SCOPE}`],
  ],
  [
    "rules for a subset of any type",
    { targetRef: { kind: "MeshSubset", tags: { a: "b" } }, rules: [{ default: CONF }] },
    [`spec.rules: ${SCOPE}`],
  ],
  ["to, for gateways", { targetRef: GATEWAYS, to: [{ targetRef: MESH, default: CONF }] }, []],
  [
    "to, for one gateway and some of its listeners",
    {
      targetRef: { kind: "MeshGateway", name: "edge", tags: { port: "https" } },
      to: [{ targetRef: MESH, default: CONF }],
    },
    [],
  ],
  [
    "to, for sidecars",
    { targetRef: SIDECARS, to: [{ targetRef: MESH, default: CONF }] },
    ["spec.to: must not be defined: it is about gateways, and spec.targetRef selects none of them"],
  ],
  [
    "to a service",
    { targetRef: GATEWAYS, to: [{ targetRef: { kind: "MeshService", name: "web" }, default: CONF }] },
    ["spec.to[0].targetRef.kind: value is not supported, must be one of Mesh"],
  ],
];

for (const [about, spec, expected] of cases) {
  test(`MeshRateLimit: ${about}`, () => assert.deepEqual(problems(meshRateLimitKind, spec), expected));
}

test("what will go warns", () => {
  const conf = { local: { http: { onRateLimit: { status: 302 } } } };
  const { resource } = parse(meshRateLimitKind, {
    targetRef: { kind: "MeshService", name: "web" },
    from: [
      { targetRef: MESH, default: CONF },
      { targetRef: MESH, default: conf },
    ],
  });
  assert.ok(resource !== undefined);
  assert.deepEqual(meshRateLimitKind.deprecations?.(resource), [
    "spec.targetRef.kind: MeshService is deprecated; select proxies with kind Dataplane and labels instead",
    "spec.from is deprecated; use 'rules' instead",
    "spec.from[1].default.local.http.onRateLimit.status: must be 400 or more; instead of 302 Envoy answers 429",
  ]);
});
