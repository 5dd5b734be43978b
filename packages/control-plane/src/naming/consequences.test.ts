import assert from "node:assert/strict";
import { test } from "node:test";
import { testNaming } from "./testing/naming-world.ts";
import { dataplane, externalService, generator, inbound } from "./testing/resources.ts";

/** What was told of writes so far: by revision, the revisions that followed, once they are known. */
function record() {
  const told = new Map<number, readonly number[] | "open">();
  const follow = (revision: number, consequences: Promise<readonly number[]>): void => {
    told.set(revision, "open");
    void consequences.then((revisions) => told.set(revision, revisions));
  };
  return { told, follow };
}

test("a write is followed by what is derived of it, and that by nothing", async (t) => {
  const { told, follow } = record();
  const { store, naming } = await testNaming(t, { follow });
  await naming.idle();
  const { revision } = await store.write([{ op: "put", resource: dataplane("d", [inbound("api", 80)]) }]);
  assert.equal(told.get(revision), "open");
  await naming.idle();
  const derived = store.get({ type: "MeshService", mesh: "demo", name: "api" })?.revision ?? 0;
  assert.ok(derived > revision);
  assert.deepEqual(told.get(revision), [derived]);
  assert.deepEqual(told.get(derived), [], "nothing follows from what was derived");
});

test("a chain is told link by link, and whatever is told comes to an end", async (t) => {
  const { told, follow } = record();
  const { store, naming } = await testNaming(t, { follow });
  await store.write([
    { op: "put", resource: externalService("a") },
    { op: "put", resource: externalService("b") },
    {
      op: "put",
      resource: generator(
        "g",
        "one.local",
        {},
        { spec: { selector: { meshExternalService: { matchLabels: {} } }, template: "one.local" } },
      ),
    },
  ]);
  await naming.idle();
  const { revision } = await store.write([
    { op: "delete", key: { type: "MeshExternalService", mesh: "demo", name: "a" } },
  ]);
  await naming.idle();
  const heir = store.get({ type: "MeshExternalService", mesh: "demo", name: "b" })?.revision;
  assert.deepEqual(told.get(revision), [heir]);
  assert.ok([...told.values()].every((consequences) => consequences !== "open"));
});

test("what concerns no name is not followed", async (t) => {
  const { told, follow } = record();
  const { store, naming } = await testNaming(t, { follow });
  await naming.idle();
  const timeout = { type: "MeshTimeout", mesh: "demo", name: "t", labels: {}, spec: {} };
  const { revision } = await store.write([{ op: "put", resource: timeout }]);
  assert.equal(told.has(revision), false);
});
