import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshExternalServiceResource, Resource } from "@skein/model";
import { fakeClock } from "../identity/testing.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Change, Store } from "../store/store.ts";
import { externalService, mesh, testWorld } from "./testing/resources.ts";
import { Writer } from "./writer.ts";
import { ZoneNaming } from "./zone-naming.ts";

/** An allocator in another process: what the store says reaches it when `hear` is called. */
function allocator(store: Store) {
  const zone = new ZoneNaming(testWorld());
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const writer = new Writer({ store, clock: fakeClock(), log, zone, countsMs: 0, onRetry: () => undefined });
  let unheard: Change[] = [];
  store.watch((changes) => unheard.push(...changes));
  return {
    writer,
    hear(...only: readonly string[]) {
      const isHeard = ({ after }: Change) => only.length === 0 || only.includes((after as Resource).name);
      zone.apply(unheard.filter(isHeard));
      unheard = unheard.filter((change) => !isHeard(change));
    },
    async act() {
      for (const key of zone.takeDirty()) writer.reconcile(key);
      await writer.flush();
    },
    get isDirty() {
      return zone.isDirty;
    },
  };
}

function vips(store: Store): Record<string, string | undefined> {
  const services = store.list<MeshExternalServiceResource>({ type: "MeshExternalService" });
  return Object.fromEntries(services.map(({ name, status }) => [name, status?.vip?.ip]));
}

test("two that know of different services at the same moment do not give both the same address", async () => {
  const store = openMemoryStore({ now: () => 0 });
  const [a, b] = [allocator(store), allocator(store)];
  await store.write([
    { op: "put", resource: mesh("demo") },
    { op: "put", resource: externalService("x") },
    { op: "put", resource: externalService("y") },
  ]);
  a.hear("demo", "x");
  b.hear("demo", "y");
  await Promise.all([a.act(), b.act()]);
  assert.deepEqual(vips(store), { x: "242.0.0.0", y: undefined }, "the second was refused");
  assert.ok(b.isDirty, "and looks again");
  a.hear();
  b.hear();
  await b.act();
  assert.deepEqual(vips(store), { x: "242.0.0.0", y: "242.0.0.1" });
  for (const each of [a, b]) {
    each.hear();
    await each.act();
    assert.deepEqual(each.writer.problems(), []);
  }
  assert.deepEqual(vips(store), { x: "242.0.0.0", y: "242.0.0.1" });
});

test("one that has not heard yet what the other gave out is refused, again and again, until it has", async () => {
  const store = openMemoryStore({ now: () => 0 });
  const [a, b] = [allocator(store), allocator(store)];
  await store.write([
    { op: "put", resource: mesh("demo") },
    ...["u", "v", "w", "x"].map((name) => ({ op: "put" as const, resource: externalService(name) })),
  ]);
  a.hear("demo", "u");
  await a.act();
  a.hear();
  b.hear("demo", "v", "zone");
  await a.act();
  await b.act();
  await b.act();
  assert.deepEqual(vips(store), { u: "242.0.0.0", v: "242.0.0.1", w: "242.0.0.2", x: "242.0.0.3" });
  b.hear();
  await b.act();
  assert.equal(new Set(Object.values(vips(store))).size, 4);
});

test("each transaction that gives out an address makes the next one know of it, also when the turn is the same", async () => {
  const store = openMemoryStore({ now: () => 0 });
  const a = allocator(store);
  await store.write([
    { op: "put", resource: mesh("demo") },
    { op: "put", resource: externalService("x") },
  ]);
  const revisions = new Set<number>();
  store.watch((changes) => {
    for (const { after } of changes) if (after?.type === "VipTurns") revisions.add(after.revision);
  });
  a.hear();
  await a.act();
  a.hear();
  const stored = store.get<MeshExternalServiceResource>({
    type: "MeshExternalService",
    mesh: "demo",
    name: "x",
  });
  assert.ok(stored);
  await store.write([{ op: "put", resource: { ...stored, status: {} } }]);
  a.hear();
  await a.act();
  assert.deepEqual(vips(store), { x: "242.0.0.0" }, "it is the same address again");
  assert.equal(revisions.size, 2);
});
