import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createDeltaStream } from "./delta-stream.ts";
import type { Fragment, ProxyConfig } from "./fragment.ts";
import { addressOf } from "./fragment-field.ts";
import type { Outgoing, ProtocolEvents, XdsStream } from "./outgoing.ts";
import { createProxyMemory } from "./proxy-memory.ts";
import type { DeltaRequest } from "./request.ts";
import { createModelDeltaClient, type ModelDeltaClient } from "./testing/model-delta-client.ts";
import { configFor, histories, modelRules, type Step } from "./testing/model-world.ts";

interface Run {
  readonly client: ModelDeltaClient;
  readonly config: ProxyConfig;
  readonly revision: number;
  readonly inSync: number;
  /** Responses sent to a proxy that reconnects when everything is quiet. */
  readonly afterReconnect: number;
}

function play(steps: readonly Step[]): Run {
  const client = createModelDeltaClient(modelRules);
  let memory = createProxyMemory();
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
  let stream: XdsStream<DeltaRequest> = connect();

  function connect(newControlPlane = false): XdsStream<DeltaRequest> {
    const made = createDeltaStream({ events, memory });
    made.set(config, revision);
    const lost = inbox.length > 0;
    inbox = [];
    for (const request of client.connect(lost, newControlPlane)) made.request(request);
    return made;
  }

  function pump(): void {
    for (let count = 0; !blocked; count++) {
      const response = stream.next();
      if (response === undefined) return;
      assert.ok(count < 100, "the stream does not come to rest");
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
    } else if (step.kind === "reconnect") {
      if (step.newControlPlane) memory = createProxyMemory();
      stream = connect(step.newControlPlane);
    } else if (step.kind === "block") blocked = step.blocked;
    else if (step.kind === "askAgain") for (const request of client.askAgain()) stream.request(request);
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
  return { client, config, revision, inSync: settled, afterReconnect: inbox.length };
}

function versions(fragments: ReadonlyMap<string, Fragment>): Record<string, string> {
  return Object.fromEntries([...fragments].map(([name, { version }]) => [name, version]).sort());
}

function isBad(fragment: Fragment): boolean {
  return modelRules.verdict(fragment) !== "good";
}

test("a proxy that accepts everything ends with exactly what it should hold, in order, and nothing is sent twice", () => {
  fc.assert(
    fc.property(histories("none"), (steps) => {
      const { client, config, revision, inSync, afterReconnect } = play(steps);
      assert.deepEqual(client.proxy.violations, []);
      assert.deepEqual(versions(client.proxy.clusters), versions(config.clusters));
      assert.deepEqual(versions(client.proxy.listeners), versions(config.listeners));
      assert.deepEqual(versions(client.proxy.endpoints), versions(config.endpoints));
      assert.deepEqual(versions(client.proxy.secrets), versions(config.secrets));
      for (const [name, { version }] of config.routes)
        assert.equal(client.proxy.routes.get(name)?.version, version);
      assert.equal(inSync, revision);
      const absent = ["s0", "s1"].some((name) => !config.secrets.has(name)) || config.routes.size === 0;
      const empty = config.clusters.size === 0 || config.listeners.size === 0;
      if (!absent && !empty) assert.equal(afterReconnect, 0);
    }),
    { numRuns: 1500 },
  );
});

test("a proxy that rejects some listeners ends with everything else, and never sees a rejected version again", () => {
  fc.assert(
    fc.property(histories("listeners"), (steps) => {
      const { client, config, revision, inSync } = play(steps);
      assert.deepEqual(client.proxy.violations, []);
      for (const [name, fragment] of config.secrets) {
        assert.equal(client.proxy.secrets.get(name)?.version, fragment.version);
      }
      for (const [name, fragment] of config.clusters) {
        assert.equal(client.proxy.clusters.get(name)?.version, fragment.version);
      }
      const bad = [...config.listeners.values()].filter(isBad);
      for (const [name, fragment] of config.listeners) {
        if (!isBad(fragment)) assert.equal(client.proxy.listeners.get(name)?.version, fragment.version);
      }
      for (const [name, fragment] of client.proxy.listeners) {
        const kept =
          config.listeners.has(name) || bad.some((other) => addressOf(other) === addressOf(fragment));
        assert.ok(kept, `listener ${name} should be gone`);
      }
      assert.equal(inSync, revision);
      if (bad.length === 0) {
        assert.deepEqual(versions(client.proxy.clusters), versions(config.clusters));
        assert.deepEqual(versions(client.proxy.secrets), versions(config.secrets));
      }
    }),
    { numRuns: 1500 },
  );
});

test("whatever a proxy rejects, the exchange comes to rest with all that it accepts", () => {
  fc.assert(
    fc.property(histories("anything"), (steps) => {
      const { client, config } = play(steps);
      assert.deepEqual(
        client.proxy.violations.filter((violation) => violation.startsWith("rejected")),
        [],
      );
      for (const [name, fragment] of config.clusters) {
        if (!isBad(fragment)) assert.equal(client.proxy.clusters.get(name)?.version, fragment.version);
      }
      for (const [name, fragment] of config.listeners) {
        if (!isBad(fragment)) assert.equal(client.proxy.listeners.get(name)?.version, fragment.version);
      }
    }),
    { numRuns: 1500 },
  );
});
