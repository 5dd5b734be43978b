import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneInbound } from "@skein/model";
import { type NodeFacts, UNKNOWN_NODE } from "../plan/node-facts.ts";
import { type CheckPace, healthChecks } from "./checks.ts";

const PACE: CheckPace = {
  timeoutMs: 2000,
  intervalMs: 1000,
  noTrafficIntervalMs: 1500,
  healthyThreshold: 1,
  unhealthyThreshold: 2,
};
const NODE: NodeFacts = { ...UNKNOWN_NODE, adminSocket: "/run/admin.sock" };
const probed = (inbound: Partial<DataplaneInbound>): DataplaneInbound => ({
  port: 80,
  serviceProbe: { tcp: {} },
  ...inbound,
});
const checks = (inbound: DataplaneInbound[], { node = NODE, transparentProxying = {} } = {}) =>
  healthChecks({ networking: { address: "10.0.0.1", inbound, transparentProxying } }, node, PACE);

test("each inbound with a probe is checked where its application listens", () => {
  const { admin, inbounds } = checks([
    probed({ servicePort: 8080, serviceAddress: "127.0.0.1" }),
    { port: 81 },
    probed({ port: 82, address: "10.0.0.2" }),
    probed({ port: 83 }),
  ]);
  assert.deepEqual(
    inbounds.map((check) => check && [check.cluster, check.address, check.port]),
    [
      ["localhost:8080", "127.0.0.1", 8080],
      undefined,
      ["localhost:82", "10.0.0.2", 82],
      ["localhost:83", "10.0.0.1", 83],
    ],
  );
  assert.deepEqual(admin, {
    cluster: "system_envoy_admin",
    target: { socket: "/run/admin.sock" },
    pace: PACE,
  });
});

test("Envoy's own name follows what the proxy understands, and its place is what it says", () => {
  const node = { ...UNKNOWN_NODE, unifiedNaming: false, adminAddress: "127.0.0.1", adminPort: 9901 };
  assert.deepEqual(checks([{ port: 80 }], { node }).admin, {
    cluster: "kuma:envoy:admin",
    target: { address: "127.0.0.1", port: 9901 },
    pace: PACE,
  });
  assert.equal(checks([{ port: 80 }], { node: UNKNOWN_NODE }).admin, undefined);
});

test("a probe's own pace goes before the usual one, without traffic too", () => {
  const [check, usual] = checks([
    probed({
      serviceProbe: { interval: "10s", timeout: "0.5s", healthyThreshold: 3, unhealthyThreshold: 0, tcp: {} },
    }),
    probed({ port: 81 }),
  ]).inbounds;
  assert.deepEqual(check?.pace, {
    timeoutMs: 500,
    intervalMs: 10_000,
    noTrafficIntervalMs: 10_000,
    healthyThreshold: 3,
    unhealthyThreshold: 2,
  });
  assert.deepEqual(usual?.pace, PACE);
});

test("inbounds with one port are told apart by address and pace, and share a check that is the same", () => {
  const clusters = (inbound: DataplaneInbound[]) => checks(inbound).inbounds.map((check) => check?.cluster);
  const at = (port: number, serviceAddress: string, more: Partial<DataplaneInbound> = {}) =>
    probed({ port, servicePort: 8080, serviceAddress, ...more });
  assert.deepEqual(clusters([at(1, "127.0.0.1"), at(2, "127.0.0.2")]), ["127.0.0.1:8080", "127.0.0.2:8080"]);
  assert.deepEqual(clusters([at(1, "127.0.0.1"), at(2, "127.0.0.1")]), ["localhost:8080", "localhost:8080"]);
  assert.deepEqual(clusters([at(1, "127.0.0.1"), at(2, "127.0.0.1", { serviceProbe: { interval: "9s" } })]), [
    "127.0.0.1:8080",
    "127.0.0.1:8080#2",
  ]);
});

test("an application without an address is not checked, and keeps nobody else from it", () => {
  const inbound = [probed({}), probed({ port: 81, serviceAddress: "127.0.0.1" })];
  const { inbounds } = healthChecks({ networking: { address: "web.example.com", inbound } }, NODE, PACE);
  assert.deepEqual(
    inbounds.map((check) => check?.address),
    [undefined, "127.0.0.1"],
  );
});

test("nothing is checked where nothing could come of it; ignored inbounds are nobody's business", () => {
  const nothing = { admin: undefined, inbounds: [] };
  assert.deepEqual(checks([]), nothing);
  assert.deepEqual(checks([probed({ state: "Ignored" })]), nothing);
  assert.deepEqual(checks([probed({ state: "Ignored" }), { port: 81 }]).inbounds, [undefined, undefined]);
});

test("where connections to applications are redirected, the proxy's own come from an address that is not", () => {
  const sources = (serviceAddress: string, more: Parameters<typeof checks>[1]) =>
    checks([probed({ serviceAddress })], more).inbounds.map((check) => check?.source);
  const launcher = { node: { ...NODE, redirect: { inboundPort: 15_006, outboundPort: 15_001, ipv6: true } } };
  const dataplane = { transparentProxying: { redirectPortInbound: 15_006 } };
  for (const redirected of [launcher, dataplane]) {
    assert.deepEqual(sources("10.0.0.9", redirected), ["127.0.0.6"]);
    assert.deepEqual(sources("fd00::9", redirected), ["::6"]);
    assert.deepEqual(sources("127.0.0.1", redirected), [undefined]);
    assert.deepEqual(sources("::1", redirected), [undefined]);
  }
  assert.deepEqual(sources("10.0.0.9", {}), [undefined]);
});
