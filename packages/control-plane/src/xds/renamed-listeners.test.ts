import assert from "node:assert/strict";
import { test } from "node:test";
import { createDeltaStream } from "./delta-stream.ts";
import type { ProxyConfig } from "./fragment.ts";
import { addressOf } from "./fragment-field.ts";
import { FragmentTable } from "./fragment-table.ts";
import type { Outgoing } from "./outgoing.ts";
import { createProxyMemory } from "./proxy-memory.ts";
import { createModelDeltaClient } from "./testing/model-delta-client.ts";
import { modelRules } from "./testing/model-world.ts";
import { clusterFragment, configOf, endpointFragment, listenerFragment } from "./testing/resources.ts";

const COUNT = 30;
const table = new FragmentTable();

function named(prefix: string): ProxyConfig {
  const listeners = Array.from({ length: COUNT }, (_, n) =>
    listenerFragment(table, `${prefix}${n}`, { port: 10_000 + n, cluster: "c", statPrefix: "s" }),
  );
  const cluster = clusterFragment(table, "c", { timeoutSeconds: 1, serviceName: "c" });
  return configOf(cluster, endpointFragment(table, "c", [1000]), ...listeners);
}

test("listeners that change their names go over a few at a time, each in the response of its successor", () => {
  const client = createModelDeltaClient(modelRules);
  const nothing = () => {};
  const events = { sent: nothing, answered: nothing, inSync: nothing };
  const stream = createDeltaStream({ events, memory: createProxyMemory() });
  const told: Outgoing[] = [];
  const exchange = (): void => {
    for (let sent = stream.next(); sent !== undefined; sent = stream.next()) {
      told.push(sent);
      for (const request of client.receive(sent)) stream.request(request);
    }
  };
  const [before, after] = [named("old"), named("new")];
  stream.set(before, 1);
  for (const request of client.connect(false, false)) stream.request(request);
  exchange();
  assert.equal(told.filter(({ type }) => type === "listener").length, 1, "new ones come all at once");

  told.length = 0;
  stream.set(after, 2);
  exchange();
  const responses = told.filter(({ type }) => type === "listener");
  for (const { resources, removed } of responses) {
    assert.ok(resources.length <= 4);
    const addresses = (names: readonly string[]) =>
      names.map((name) => addressOf(before.listeners.get(name) ?? assert.fail(name))).sort();
    assert.deepEqual(addresses(removed), resources.map(addressOf).sort());
  }
  assert.deepEqual([...client.proxy.listeners.keys()].sort(), [...after.listeners.keys()].sort());
});
