import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource } from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { inboundWarnings } from "./inbound.ts";

const dataplane = (name: string, ...protocols: readonly string[]): DataplaneResource =>
  stored(
    {
      type: "Dataplane",
      mesh: "default",
      name,
      labels: { app: name },
      networking: {
        address: "127.0.1.1",
        inbound: protocols.map((protocol, i) => ({ port: 8080 + i, protocol })),
      },
    },
    1,
  ) as DataplaneResource;
const DB = dataplane("db", "tcp");
const WEB = dataplane("web", "http");
const BOTH = dataplane("both", "http", "tcp");

const policy = (type: string, spec: object): PolicyResource =>
  stored({ type, mesh: "default", name: "p", spec }, 2) as PolicyResource;
const SIDECARS = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const FAULT = { http: [{ abort: { httpStatus: 503, percentage: 1 } }] };
const RATE = { num: 1, interval: "1s" };
const ID = { spiffeID: { type: "Exact", value: "spiffe://td/a" } };
const SNI = { sni: { type: "Exact", value: "a.mesh" } };
const tcpOnly = (who: string, at = "spec.rules[0]") =>
  `${at}.default: ${who} tcp only, so the HTTP part has no effect there; set protocol on the inbound`;

test("HTTP rules where only bytes flow", () => {
  const rules = [{ default: FAULT }];
  const forAll = policy("MeshFaultInjection", { rules });
  assert.deepEqual(inboundWarnings(forAll, [DB]), [tcpOnly("db speaks")]);
  assert.deepEqual(inboundWarnings(forAll, [DB, WEB]), [], "it is meant for those that speak HTTP");
  const some = policy("MeshFaultInjection", { targetRef: { kind: "Dataplane" }, rules });
  assert.deepEqual(inboundWarnings(some, [DB, WEB, BOTH]), [tcpOnly("db speaks")]);
  assert.deepEqual(inboundWarnings(some, [DB, dataplane("db2", "tcp")]), [tcpOnly("db and 1 more speak")]);
  const section = policy("MeshFaultInjection", {
    targetRef: { kind: "Dataplane", sectionName: "8081" },
    rules,
  });
  assert.deepEqual(inboundWarnings(section, [BOTH]), [tcpOnly("both speaks")]);
});

test("of every kind that has an HTTP part, in rules and from", () => {
  const from = (conf: object) => ({
    targetRef: SIDECARS,
    from: [{ targetRef: { kind: "Mesh" }, default: conf }],
  });
  for (const [type, conf] of [
    ["MeshFaultInjection", FAULT],
    ["MeshRateLimit", { local: { http: { requestRate: RATE } } }],
    ["MeshTimeout", { http: { requestTimeout: "1s" } }],
  ] as const) {
    assert.deepEqual(inboundWarnings(policy(type, from(conf)), [DB]), [tcpOnly("db speaks", "spec.from[0]")]);
  }
  const connections = { local: { tcp: { connectionRate: RATE } } };
  assert.deepEqual(inboundWarnings(policy("MeshRateLimit", from(connections)), [DB]), []);
});

test("what a rule for some callers cannot change", () => {
  const reason =
    "holds for a connection before its caller is known, so it has no effect in a rule with matches";
  const limit = policy("MeshRateLimit", {
    targetRef: SIDECARS,
    rules: [
      { matches: [SNI], default: { local: { tcp: { connectionRate: RATE } } } },
      { default: { local: { tcp: { connectionRate: RATE } } } },
    ],
  });
  assert.deepEqual(inboundWarnings(limit, [WEB]), [`spec.rules[0].default.local.tcp: ${reason}`]);
  const timeout = policy("MeshTimeout", {
    rules: [
      {
        matches: [SNI],
        default: { idleTimeout: "1s", http: { requestTimeout: "1s", maxStreamDuration: "1s" } },
      },
      { matches: [ID], default: { http: { requestTimeout: "1s" } } },
    ],
  });
  assert.deepEqual(inboundWarnings(timeout, [WEB]), [
    `spec.rules[0].default.idleTimeout: ${reason}`,
    `spec.rules[0].default.http.maxStreamDuration: ${reason}`,
  ]);
});
