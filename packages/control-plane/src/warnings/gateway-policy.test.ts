import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource, MeshGatewayResource } from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { gatewayPolicyWarnings } from "./gateway-policy.ts";

const of = { mesh: "default", labels: {} };
const EDGE = stored(
  {
    ...{ type: "Dataplane", ...of, name: "edge-01" },
    networking: { address: "127.0.1.1", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
  },
  1,
) as DataplaneResource;
const WEB = stored(
  {
    ...{ type: "Dataplane", ...of, name: "web-01" },
    networking: { address: "127.0.1.2", inbound: [{ port: 8080, protocol: "http" }] },
  },
  2,
) as DataplaneResource;
const gateway = (...listeners: readonly object[]): MeshGatewayResource =>
  stored(
    {
      ...{ type: "MeshGateway", ...of, name: "edge" },
      selectors: [{ match: { "kuma.io/service": "edge" } }],
      conf: { listeners },
    },
    3,
  ) as MeshGatewayResource;
const HTTP = gateway({ port: 80, protocol: "HTTP", hostname: "a.example", tags: { host: "a" } });
const TWO = gateway(
  { port: 80, protocol: "HTTP", hostname: "a.example", tags: { host: "a" } },
  { port: 80, protocol: "HTTP", hostname: "b.example", tags: { host: "b" } },
);
const TCP = gateway({ port: 90, protocol: "TCP" });

const policy = (type: string, spec: object): PolicyResource =>
  stored({ type, ...of, name: "p", spec }, 4) as PolicyResource;
const TOP = { kind: "MeshGateway", name: "edge" };
const MESH = { kind: "Mesh" };
const FAULT = { http: [{ abort: { httpStatus: 503, percentage: 1 } }] };
const RATE = { requestRate: { num: 1, interval: "1s" } };
const warnings = (type: string, spec: object, serves = HTTP, selected = [EDGE]) =>
  gatewayPolicyWarnings(policy(type, spec), selected, [serves]);

test("what is well says nothing", () => {
  const to = [{ targetRef: MESH, default: FAULT }];
  assert.deepEqual(warnings("MeshFaultInjection", { targetRef: TOP, to }), []);
  assert.deepEqual(warnings("MeshFaultInjection", { to }, HTTP, [WEB, EDGE]), []);
  const rules = [
    { default: { idleTimeout: "1s", http: { requestHeadersTimeout: "1s", requestTimeout: "1s" } } },
  ];
  assert.deepEqual(warnings("MeshTimeout", { targetRef: TOP, rules }), []);
  assert.deepEqual(warnings("MeshTimeout", { rules }, TWO, [WEB, EDGE]), []);
});

test("lists for gateways where only sidecars are selected", () => {
  for (const [type, conf] of [
    ["MeshFaultInjection", FAULT],
    ["MeshRateLimit", { local: { http: RATE } }],
    ["MeshGlobalRateLimit", { http: { requestRate: { num: 1, interval: "1s" } } }],
  ] as const) {
    assert.deepEqual(warnings(type, { to: [{ targetRef: MESH, default: conf }] }, HTTP, [WEB]), [
      "spec.to: is about built-in gateways, and it selects none now",
    ]);
  }
});

test("permissions where only gateways are selected", () => {
  const from = [{ targetRef: MESH, default: { action: "Allow" } }];
  const spec = { targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "edge" } }, from };
  assert.deepEqual(warnings("MeshTrafficPermission", spec), [
    "spec.targetRef: has no effect on built-in gateways, such as edge-01: their clients are no part of the mesh; what gateways may call is decided where it is called",
  ]);
  assert.deepEqual(warnings("MeshTrafficPermission", { from }, HTTP, [WEB, EDGE]), []);
});

test("rules for inbounds, and for some callers", () => {
  const rules = [{ default: { connectionLimits: { maxRequests: 1 } } }];
  assert.deepEqual(warnings("MeshCircuitBreaker", { targetRef: TOP, rules }), [
    "spec.rules: is about inbounds, and built-in gateways, such as edge-01, have none",
  ]);
  const some = [
    {
      matches: [{ spiffeID: { type: "Exact", value: "spiffe://td/a" } }],
      default: { http: { requestTimeout: "1s" } },
    },
  ];
  assert.deepEqual(warnings("MeshTimeout", { targetRef: TOP, rules: some }), [
    "spec.rules[0].matches: clients of built-in gateways, such as edge-01, have no identity in the mesh, so the rule has no effect there",
  ]);
});

test("what only requests have, on listeners of bytes", () => {
  const bytes = "the listeners that it selects read no requests (protocol TCP or TLS)";
  const local = { http: RATE, tcp: { connectionRate: RATE.requestRate } };
  const limit = { targetRef: TOP, to: [{ targetRef: MESH, default: { local } }] };
  assert.deepEqual(warnings("MeshRateLimit", limit, TCP), [`spec.to[0].default.local.http: ${bytes}`]);
  const rules = [{ default: { idleTimeout: "1s", http: { requestTimeout: "1s" } } }];
  assert.deepEqual(warnings("MeshTimeout", { targetRef: TOP, rules }, TCP), [
    `spec.rules[0].default.http: ${bytes}`,
  ]);
});

test("what holds for connections, for one of the hosts that share them", () => {
  const why =
    "holds for a connection before its host is known, and listener 80:a.example shares its port with 80:b.example, which is not selected, so it has no effect there";
  const one = { ...TOP, tags: { host: "a" } };
  const rules = [{ default: { idleTimeout: "1s" } }];
  assert.deepEqual(warnings("MeshTimeout", { targetRef: one, rules }, TWO), [
    `spec.rules[0].default: ${why}`,
  ]);
  assert.deepEqual(warnings("MeshTimeout", { targetRef: one, rules }, HTTP), []);
  const local = { http: RATE, tcp: { connectionRate: RATE.requestRate } };
  const limit = { targetRef: one, to: [{ targetRef: MESH, default: { local } }] };
  assert.deepEqual(warnings("MeshRateLimit", limit, TWO), [`spec.to[0].default.local.tcp: ${why}`]);
});

test("a limit of clients, said of calls", () => {
  const to = [{ targetRef: MESH, default: { http: { requestTimeout: "1s", requestHeadersTimeout: "1s" } } }];
  assert.deepEqual(warnings("MeshTimeout", { targetRef: TOP, to }), [
    "spec.to[0].default.http.requestHeadersTimeout: is about clients of the gateway, so it has no effect in to; set it in rules",
  ]);
});
