import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationKey, namedDestination, tagDestination, taggedName } from "./destination-keys.ts";

test("a key says what it names, and kinds with one name have keys of their own", () => {
  const kinds = ["MeshService", "MeshExternalService", "MeshMultiZoneService"] as const;
  const keys = kinds.map((kind) => destinationKey(kind, "db", 5432));
  assert.deepEqual(keys, ["db|5432", "extsvc db|5432", "mzsvc db|5432"]);
  assert.deepEqual(
    keys.map(namedDestination),
    kinds.map((kind) => ({ kind, name: "db", port: 5432 })),
  );
});

test("the key of a service tag carries its further tags", () => {
  const key = tagDestination("web", { version: "v1", "kuma.io/zone": "east" });
  assert.equal(key, "tag web kuma.io/zone=east version=v1|0");
  const { kind, name, port } = namedDestination(key);
  assert.deepEqual([kind, port], ["ServiceTag", 0]);
  assert.deepEqual(taggedName(name), { service: "web", tags: { version: "v1", "kuma.io/zone": "east" } });
});
