import assert from "node:assert/strict";
import { test } from "node:test";
import type { DestinationKey } from "@skein/policies";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import { tagDestination } from "./destination-keys.ts";

const OUT = { state: "NotReady", health: { ready: false } };

/** An instance of `api` for each of some inbounds, and where callers are sent to by the service and by its tag. */
function sentTo(inbounds: Record<string, object>) {
  const world = new World({ zone: ZONE });
  const documents = new Documents();
  const put = (document: object) => documents.put(world, document);
  put({ type: "Mesh", name: "default", meshServices: { mode: "Everywhere" } });
  for (const [i, [name, fields]] of Object.entries(inbounds).entries()) {
    const inbound = { port: 8080, protocol: "http", tags: { "kuma.io/service": "api" }, ...fields };
    put({
      type: "Dataplane",
      mesh: "default",
      name,
      labels: { app: "api" },
      networking: { address: `127.0.2.${i + 1}`, inbound: [{ port: 9999 }, inbound] },
    });
  }
  put({
    type: "MeshService",
    mesh: "default",
    name: "api",
    spec: {
      selector: { dataplaneLabels: { matchLabels: { app: "api" } } },
      ports: [{ port: 80, targetPort: 8080, appProtocol: "http" }],
    },
  });
  const { planner } = world.mesh("default");
  const names = Object.keys(inbounds);
  const instances = (key: DestinationKey) =>
    planner.endpoints
      .at(key)
      .get()
      .localities.flatMap(({ endpoints }) => endpoints)
      .map(({ address }) => names[Number(address.split(".")[3]) - 1]);
  return {
    byService: instances("api|80"),
    byTag: instances(tagDestination("api")),
    protocolByTag: planner.destination.at(tagDestination("api")).get()?.plan.protocol,
    listeners: Object.fromEntries(
      names.map((name) => [
        name,
        planner.plan
          .at(name)
          .get()
          ?.inbounds.map(({ port }) => port),
      ]),
    ),
  };
}

test("callers are sent to inbounds that are ready, whoever says that others are not", () => {
  const { byService, byTag, listeners } = sentTo({
    ready: {},
    "said-ready": { state: "Ready", health: { ready: true } },
    "not-ready": { state: "NotReady" },
    unhealthy: { health: { ready: false } },
    "taken-out": OUT,
    ignored: { state: "Ignored" },
  });
  assert.deepEqual(byService, ["ready", "said-ready"]);
  assert.deepEqual(byTag, ["ready", "said-ready"]);
  // What is not ready listens all the same: its last requests are still on their way. What is ignored does not.
  assert.deepEqual(listeners["taken-out"], [9999, 8080]);
  assert.deepEqual(listeners["not-ready"], [9999, 8080]);
  assert.deepEqual(listeners.ignored, [9999]);
});

test("an ignored inbound says nothing about the protocol of its service, one that is not ready does", () => {
  const other = { protocol: "tcp" };
  assert.equal(sentTo({ a: {}, b: { ...other, state: "Ignored" } }).protocolByTag, "http");
  assert.equal(sentTo({ a: {}, b: { ...other, ...OUT } }).protocolByTag, "tcp");
});
