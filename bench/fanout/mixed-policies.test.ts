import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld } from "@skein/control-plane/api/testing/world";
import { MESH, modelMesh, SECURITY } from "./mesh-model.ts";
import { mixedPolicies } from "./mixed-policies.ts";

test("the API takes every mixed policy, and they are the same each time", async () => {
  const model = modelMesh(100, 20);
  const mixed = mixedPolicies(200, model);
  assert.deepEqual(mixed, mixedPolicies(200, model));
  assert.equal(new Set(mixed.map(([, { type }]) => type)).size, 10);
  const api = createWorld();
  for (const [path, document] of [...SECURITY.slice(0, 1), ...mixed]) {
    const { status, text } = await api.call("PUT", path, document);
    assert.ok(status < 300, `${path}: ${text}`);
  }
  assert.equal((await api.call("GET", `/meshes/${MESH}/meshtlses`)).json.total, 20);
});

test("none of them says what the measured timeout says", () => {
  for (const [path, { spec }] of mixedPolicies(200, modelMesh(100, 20))) {
    if (path.includes("meshtimeouts"))
      assert.doesNotMatch(JSON.stringify(spec), /connectionTimeout|requestTimeout/);
  }
});
