import assert from "node:assert/strict";
import { test } from "node:test";
import { openMemoryStore } from "../store/memory.ts";
import { removeLongGone } from "./cleanup.ts";

const NOW = Date.parse("2026-06-10T00:00:00Z");
const HOUR = 3_600_000;
const ago = (hours: number) => new Date(NOW - hours * HOUR).toISOString();

test("the Dataplanes of proxies that are away for too long go, and their insights with them", async () => {
  const store = openMemoryStore({ now: () => 0 });
  const subscription = (connected: number, disconnected?: number) => ({
    id: `s-${connected}`,
    connectTime: ago(connected),
    ...(disconnected === undefined ? {} : { disconnectTime: ago(disconnected) }),
  });
  const proxies: Record<string, object[] | undefined> = {
    "away-long": [subscription(100, 90), subscription(80, 73)],
    "away-a-day": [subscription(100, 90), subscription(80, 24)],
    online: [subscription(100, 90), subscription(80)],
    "back-and-not-yet-written": [subscription(100, 90)],
    "never-there": undefined,
    "never-connected": [],
  };
  for (const [name, subscriptions] of Object.entries(proxies)) {
    const owner = { type: "Dataplane", mesh: "m", name };
    await store.write([
      { op: "create", resource: { ...owner, labels: {}, spec: {} } },
      ...(subscriptions === undefined
        ? []
        : [
            {
              op: "create" as const,
              resource: {
                type: "DataplaneInsight",
                mesh: "m",
                name,
                labels: {},
                spec: { subscriptions },
                owner,
              },
            },
          ]),
    ]);
  }
  const options = {
    now: NOW,
    ageMs: 72 * HOUR,
    isConnected: (_mesh: string, name: string) => name === "back-and-not-yet-written",
  };
  assert.deepEqual(await removeLongGone(store, options), [
    { type: "Dataplane", mesh: "m", name: "away-long" },
  ]);
  const left = (type: string) => store.list({ type }).map(({ name }) => name);
  assert.deepEqual(left("Dataplane").includes("away-long"), false);
  assert.equal(left("Dataplane").length, 5);
  assert.equal(left("DataplaneInsight").includes("away-long"), false);
  assert.deepEqual(await removeLongGone(store, options), []);
});

test("so many that they do not fit into one transaction", async () => {
  const store = openMemoryStore({ now: () => 0 });
  for (let i = 0; i < 300; i++) {
    const owner = { type: "Dataplane", mesh: "m", name: `d-${i}` };
    const subscriptions = [{ id: "s", connectTime: ago(99), disconnectTime: ago(90) }];
    await store.write([
      { op: "create", resource: { ...owner, labels: {}, spec: {} } },
      {
        op: "create",
        resource: { ...owner, type: "DataplaneInsight", labels: {}, spec: { subscriptions }, owner },
      },
    ]);
  }
  const options = { now: NOW, ageMs: 72 * HOUR, isConnected: () => false };
  assert.equal((await removeLongGone(store, options)).length, 300);
  assert.equal(store.list({ type: "Dataplane" }).length, 0);
});
