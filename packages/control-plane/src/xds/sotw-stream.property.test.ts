import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Fragment, ProxyConfig } from "./fragment.ts";
import { addressOf } from "./fragment-field.ts";
import type { Outgoing, ProtocolEvents, XdsStream } from "./outgoing.ts";
import { createProxyMemory } from "./proxy-memory.ts";
import type { SotwRequest } from "./request.ts";
import { createSotwStream } from "./sotw-stream.ts";
import type { ModelProxy } from "./testing/model-proxy.ts";
import { createModelSotwClient } from "./testing/model-sotw-client.ts";
import { configFor, histories, modelRules, type Step } from "./testing/model-world.ts";

interface Run {
  readonly proxy: ModelProxy;
  readonly config: ProxyConfig;
  readonly revision: number;
  readonly inSync: number;
  readonly afterReconnect: readonly Outgoing[];
}

function play(steps: readonly Step[]): Run {
  const client = createModelSotwClient(modelRules);
  const memory = createProxyMemory();
  let inSync = -1;
  const events: ProtocolEvents = {
    sent: () => {},
    answered: () => {},
    inSync: (revision) => {
      inSync = revision;
    },
  };
  let revision = 0;
  let config = configFor({ clusters: [0], endpoints: [0], listeners: [], secrets: [] });
  let inbox: Outgoing[] = [];
  let blocked = false;
  let stream = connect();

  function connect(): XdsStream<SotwRequest> {
    const made = createSotwStream({ events, memory });
    made.set(config, revision);
    inbox = [];
    for (const request of client.connect()) made.request(request);
    return made;
  }

  function pump(): void {
    for (
      let response = blocked ? undefined : stream.next();
      response !== undefined;
      response = stream.next()
    ) {
      assert.ok(inbox.length < 100, "the stream does not come to rest");
      inbox.push(response);
    }
  }

  function deliver(): boolean {
    const response = inbox.shift();
    if (response === undefined) return false;
    for (const request of client.receive(response)) stream.request(request);
    pump();
    return true;
  }

  for (const step of steps) {
    if (step.kind === "set") {
      revision += 1;
      config = configFor(step.world);
      stream.set(config, revision);
    } else if (step.kind === "reconnect") stream = connect();
    else if (step.kind === "block") blocked = step.blocked;
    else if (step.kind === "drained") for (const request of client.drained()) stream.request(request);
    else if (step.kind === "deliver") for (let count = 0; count < step.count; count++) deliver();
    pump();
  }
  blocked = false;
  const rest = (): void => {
    pump();
    for (let count = 0; deliver(); count++) assert.ok(count < 500, "the exchange does not come to rest");
  };
  rest();
  const settled = inSync;
  for (const request of client.drained()) stream.request(request);
  rest();
  stream = connect();
  pump();
  return { proxy: client.proxy, config, revision, inSync: settled, afterReconnect: inbox };
}

function versions(fragments: ReadonlyMap<string, Fragment>): Record<string, string> {
  return Object.fromEntries([...fragments].map(([name, { version }]) => [name, version]).sort());
}

test("a proxy that accepts everything ends with what it should hold, and is sent nothing when it reconnects", () => {
  fc.assert(
    fc.property(histories("none"), (steps) => {
      const { proxy, config, revision, inSync, afterReconnect } = play(steps);
      assert.deepEqual(versions(proxy.clusters), versions(config.clusters));
      assert.deepEqual(versions(proxy.listeners), versions(config.listeners));
      assert.deepEqual(versions(proxy.endpoints), versions(config.endpoints));
      for (const [name, { version }] of config.secrets)
        assert.equal(proxy.secrets.get(name)?.version, version);
      for (const [name, { version }] of config.routes) assert.equal(proxy.routes.get(name)?.version, version);
      assert.equal(inSync, revision);
      assert.deepEqual(
        afterReconnect.map(({ type }) => type).filter((type) => type === "cluster" || type === "listener"),
        [],
      );
    }),
    { numRuns: 1500 },
  );
});

test("a rejected listener never takes the accepted one away, nor anything else", () => {
  fc.assert(
    fc.property(
      histories("listeners").map((steps) => steps.filter(({ kind }) => kind !== "reconnect")),
      (steps) => {
        const { proxy, config } = play(steps);
        assert.deepEqual(proxy.violations, []);
        for (const [name, { version }] of config.clusters)
          assert.equal(proxy.clusters.get(name)?.version, version);
        for (const [name, fragment] of config.listeners) {
          if (modelRules.verdict(fragment) === "good")
            assert.equal(proxy.listeners.get(name)?.version, fragment.version);
        }
        const bad = [...config.listeners.values()].filter(
          (fragment) => modelRules.verdict(fragment) !== "good",
        );
        for (const [name, fragment] of proxy.listeners) {
          const kept =
            config.listeners.has(name) || bad.some((other) => addressOf(other) === addressOf(fragment));
          assert.ok(kept, `listener ${name} should be gone`);
        }
      },
    ),
    { numRuns: 1500 },
  );
});
