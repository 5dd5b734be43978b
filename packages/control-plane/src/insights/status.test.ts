import assert from "node:assert/strict";
import { test } from "node:test";
import { dataplaneStatus, isOnline } from "./status.ts";

const online = { subscriptions: [{ id: "1", connectTime: "2026-11-23T10:00:00Z" }] };
const offline = {
  subscriptions: [{ id: "1", connectTime: "2026-11-23T10:00:00Z", disconnectTime: "2026-11-23T10:01:00Z" }],
};
const proxy = (inbound: readonly object[], listeners: readonly object[] = []) => ({
  networking: { inbound, listeners },
});

test("any open subscription means online", () => {
  assert.equal(isOnline(online), true);
  assert.equal(isOnline(offline), false);
  assert.equal(isOnline({ subscriptions: [...online.subscriptions, ...offline.subscriptions] }), true);
  for (const insight of [undefined, {}, { subscriptions: [] }, { subscriptions: [{ id: "1" }] }]) {
    assert.equal(isOnline(insight), false);
  }
});

test("a proxy is as its inbounds and listeners are", () => {
  const ready = { port: 1, state: "Ready" };
  const notReady = { port: 2, state: "NotReady", tags: { "kuma.io/service": "web" } };
  const unhealthy = { port: 3, health: { ready: false } };
  const ignored = { port: 4, state: "Ignored" };
  assert.equal(dataplaneStatus(proxy([ready, ignored, { port: 5 }]), online).status, "Online");
  assert.deepEqual(dataplaneStatus(proxy([ready, notReady]), online), {
    status: "Partially degraded",
    reasons: ["inbound[port=2,svc=web] is not ready"],
  });
  assert.equal(dataplaneStatus(proxy([ready, unhealthy]), online).status, "Partially degraded");
  assert.equal(dataplaneStatus(proxy([notReady, unhealthy]), online).status, "Offline");
  assert.equal(dataplaneStatus(proxy([ready]), offline).status, "Offline");
  assert.equal(dataplaneStatus(proxy([]), online).status, "Offline", "nothing to be ready");
  const listener = { port: 10001, type: "ZoneEgress", state: "NotReady" };
  assert.deepEqual(dataplaneStatus(proxy([ready], [listener]), online).reasons, [
    "listener[port=10001,type=ZoneEgress] is not ready",
  ]);
});

test("a gateway is as its connection is", () => {
  const gateway = { networking: { gateway: { type: "DELEGATED" } } };
  assert.equal(dataplaneStatus(gateway, online).status, "Online");
  assert.equal(dataplaneStatus(gateway, offline).status, "Offline");
});
