import assert from "node:assert/strict";
import { test } from "node:test";
import { sealSecret, secretKey } from "../identity/secrets.ts";
import { createWorld, NOON, seed } from "./testing/world.ts";

test("the analysis of a mesh, with secrets in clear and the kinds that there are", async () => {
  const world = createWorld({ encryptionKey: true });
  await seed(world.store, { type: "Mesh", name: "default" });
  await world.store.write([
    { op: "create", resource: sealSecret(world.deps.cipher, secretKey("default", "s"), "clear") },
  ]);
  const asked: unknown[] = [];
  Object.assign(world.deps.plans, {
    analyze: (mesh: string, by: Parameters<typeof world.deps.plans.analyze>[1]) => {
      const secret = world.store.get(secretKey("default", "s"));
      asked.push([mesh, by.now, by.kinds.length > 10, secret && by.secret(secret)]);
      return [{ code: "SK0101" }];
    },
  });
  const { status, json } = await world.call("GET", "/meshes/default/_analysis");
  assert.deepEqual([status, json], [200, { total: 1, items: [{ code: "SK0101" }], next: null }]);
  assert.deepEqual(asked, [["default", NOON, true, "clear"]]);
  assert.equal((await world.call("GET", "/meshes/none/_analysis")).status, 404);
});
