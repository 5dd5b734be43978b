import assert from "node:assert/strict";
import { test } from "node:test";
import { createDeltaStream } from "./delta-stream.ts";
import type { ProxyConfig } from "./fragment.ts";
import { addressOf } from "./fragment-field.ts";
import { FragmentTable } from "./fragment-table.ts";
import type { Outgoing, XdsStream } from "./outgoing.ts";
import { createProxyMemory } from "./proxy-memory.ts";
import type { DeltaRequest } from "./request.ts";
import { createModelDeltaClient } from "./testing/model-delta-client.ts";
import { modelRules } from "./testing/model-world.ts";
import { clusterFragment, configOf, endpointFragment, listenerFragment } from "./testing/resources.ts";

const COUNT = 30;
const table = new FragmentTable();

/** Listeners under names that begin with `prefix`. @param passing the one that hands over to the others, if there is one */
function named(prefix: string, passing?: string): ProxyConfig {
  const listeners = Array.from({ length: COUNT }, (_, n) =>
    listenerFragment(table, `${prefix}${n}`, { port: 10_000 + n, cluster: "c", statPrefix: "s" }),
  );
  const cluster = clusterFragment(table, "c", { timeoutSeconds: 1, serviceName: "c" });
  if (passing !== undefined)
    listeners.splice(2, 0, listenerFragment(table, passing, { port: 15_001, cluster: "c", handsOver: true }));
  return configOf(cluster, endpointFragment(table, "c", [1000]), ...listeners);
}

/**
 * What a proxy that has one configuration is told of listeners, until it has the other. @param restarts whether it got
 * the first from a control plane that is not there any more
 */
function between(before: ProxyConfig, after: ProxyConfig, restarts = false): readonly Outgoing[] {
  const client = createModelDeltaClient(modelRules);
  const nothing = () => {};
  const events = { sent: nothing, answered: nothing, inSync: nothing };
  const connect = (): XdsStream<DeltaRequest> => createDeltaStream({ events, memory: createProxyMemory() });
  let stream = connect();
  const told: Outgoing[] = [];
  const exchange = (): void => {
    for (let sent = stream.next(); sent !== undefined; sent = stream.next()) {
      if (sent.type === "listener") told.push(sent);
      for (const request of client.receive(sent)) stream.request(request);
    }
  };
  stream.set(before, 1);
  for (const request of client.connect(false, false)) stream.request(request);
  exchange();
  assert.equal(told.length, 1, "new ones come all at once");
  if (restarts) {
    stream = connect();
    stream.set(before, 1);
    for (const request of client.connect(false, true)) stream.request(request);
    exchange();
    assert.equal(told.length, 1, "who has everything is told nothing");
  }
  stream.set(after, 2);
  exchange();
  assert.deepEqual([...client.proxy.listeners.keys()].sort(), [...after.listeners.keys()].sort());
  return told.slice(1);
}

test("listeners that change their names go over a few at a time, each in the response of its successor", () => {
  const before = named("old");
  for (const { resources, removed } of between(before, named("new"))) {
    assert.ok(resources.length <= 4);
    const addresses = (names: readonly string[]) =>
      names.map((name) => addressOf(before.listeners.get(name) ?? assert.fail(name))).sort();
    assert.deepEqual(addresses(removed), resources.map(addressOf).sort());
  }
});

for (const restarts of [false, true]) {
  const when = restarts ? ", also by a control plane that was not there before" : "";
  test(`with them changes the one that hands over to them: it goes first and comes last${when}`, () => {
    const responses = between(named("old", "passing"), named("new", "passing-too"), restarts);
    assert.equal(responses.length, 1);
    const [{ resources, removed }] = responses as [Outgoing];
    assert.deepEqual([removed.length, resources.length], [COUNT + 1, COUNT + 1]);
    assert.equal(removed[0], "passing");
    assert.equal(resources.at(-1)?.name, "passing-too");
  });
}

test("one that hands over and keeps its name does not make the others wait for each other", () => {
  const responses = between(named("old", "passing"), named("new", "passing"));
  assert.ok(responses.length > 1);
  for (const { resources } of responses) assert.ok(resources.length <= 4);
});
