import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource, DataplaneSpec } from "@skein/model";
import { openMemoryStore } from "../store/memory.ts";
import type { Store, Write } from "../store/store.ts";
import { until } from "../xds/testing/until.ts";
import { StateWriter } from "./state-writer.ts";

const out = ({ spec }: DataplaneResource): DataplaneSpec =>
  spec.networking?.address === "out" ? spec : { ...spec, networking: { ...spec.networking, address: "out" } };

async function world(count: number) {
  const store = openMemoryStore({ now: () => 0 });
  const errors: unknown[] = [];
  const transactions: number[] = [];
  const counted: Store = {
    ...store,
    get: (key) => store.get(key),
    write: (writes: readonly Write[]) => {
      transactions.push(writes.length);
      return store.write(writes);
    },
  };
  const writer = new StateWriter({ store: counted, batchMs: 5, onError: (error) => errors.push(error) });
  const names = Array.from({ length: count }, (_, i) => `d-${i}`);
  await store.write(names.map((name) => ({ op: "create", resource: dataplane(name) })));
  const addresses = () =>
    store.list<DataplaneResource>({ type: "Dataplane" }).map(({ spec }) => spec.networking?.address);
  return { store, writer, errors, transactions, names, addresses };
}

function dataplane(name: string, address = "in") {
  return { type: "Dataplane", mesh: "m", name, labels: {}, spec: { networking: { address } } };
}

test("what comes at about the same time is one transaction, of a bounded size, and only what changes", async () => {
  const { writer, transactions, names, addresses, store } = await world(300);
  for (const name of names) writer.add({ mesh: "m", name }, out);
  await until("all are out", () => addresses().every((address) => address === "out"));
  assert.deepEqual(transactions, [256, 44]);
  const { revision } = store;
  writer.add({ mesh: "m", name: "d-0" }, out);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(store.revision, revision);
  assert.deepEqual(transactions, [256, 44]);
  await writer.close();
});

test("what somebody else writes meanwhile stays; a Dataplane that is gone takes nobody along", async () => {
  const { store, writer, errors, addresses } = await world(3);
  let raced = false;
  writer.add({ mesh: "m", name: "d-0" }, (stored) => {
    if (!raced) {
      raced = true;
      void store.write([
        { op: "put", resource: { ...dataplane("d-0"), labels: { by: "user" } } },
        { op: "delete", key: { type: "Dataplane", mesh: "m", name: "d-1" } },
      ]);
    }
    return out(stored);
  });
  writer.add({ mesh: "m", name: "d-1" }, out);
  writer.add({ mesh: "m", name: "d-2" }, out);
  await until("all are out", () => addresses().every((address) => address === "out"));
  assert.deepEqual(addresses(), ["out", "out"]);
  assert.deepEqual(store.get({ type: "Dataplane", mesh: "m", name: "d-0" })?.labels, { by: "user" });
  assert.deepEqual(errors, []);
  await writer.close();
});

test("after it is closed nothing is written", async () => {
  const { writer, names, addresses, transactions } = await world(1);
  writer.add({ mesh: "m", name: names[0] ?? "" }, out);
  await writer.close();
  writer.add({ mesh: "m", name: names[0] ?? "" }, out);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([addresses(), transactions], [["in"], []]);
});
