import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, dataplane, seed } from "./testing/world.ts";

const backend = (name: string) => ({ name, type: "builtin" });

test("a mesh with dataplanes is kept, unless deletes are unsafe", async () => {
  for (const unsafeDelete of [false, true]) {
    const world = createWorld({ settings: { unsafeDelete } });
    await world.call("PUT", "/meshes/m", { type: "Mesh", name: "m" });
    assert.equal((await world.call("PUT", "/meshes/m/dataplanes/d", dataplane("d", "m"))).status, 201);
    const refused = await world.call("DELETE", "/meshes/m");
    assert.equal(refused.status, unsafeDelete ? 200 : 400);
    if (!unsafeDelete) {
      assert.equal(refused.json.title, "Could not delete a resource");
      assert.deepEqual(refused.json.invalid_parameters, [
        { field: "mesh", reason: "unable to delete mesh, there are still some dataplanes attached" },
      ]);
      assert.equal((await world.call("DELETE", "/meshes/m/dataplanes/d")).status, 200);
      assert.equal((await world.call("DELETE", "/meshes/m")).status, 200);
    }
    for (const { type } of world.deps.registry.kinds) {
      assert.equal(world.store.list({ type }).length, 0, `${type} went with the mesh`);
    }
  }
});

test("the CA of a mesh is not changed under mTLS", async () => {
  const world = createWorld();
  const put = (enabledBackend?: string) =>
    world.call("PUT", "/meshes/m", {
      type: "Mesh",
      name: "m",
      mtls: { backends: [backend("a"), backend("b")], ...(enabledBackend ? { enabledBackend } : {}) },
    });
  assert.equal((await put("a")).status, 201);
  const refused = await put("b");
  assert.equal(refused.status, 400);
  assert.equal(refused.json.title, "Failed to update a resource");
  assert.equal(refused.json.invalid_parameters[0].field, "mtls.enabledBackend");
  assert.equal((await put()).status, 200);
  assert.equal((await put("b")).status, 200);
  assert.equal((await put("c")).json.invalid_parameters[0].field, "mtls.enabledBackend");
});

test("builtin CAs are made with the mesh and with a later backend, once", async () => {
  const world = createWorld();
  const mesh = { type: "Mesh", name: "m", mtls: { backends: [backend("a")] } };
  await world.call("PUT", "/meshes/m", mesh);
  const secret = (name: string) => world.store.get({ type: "Secret", mesh: "m", name });
  const first = secret("m.ca-builtin-cert-a");
  assert.ok(first);
  assert.ok(secret("m.ca-builtin-key-a"));
  assert.ok(!secret("m.ca-builtin-cert-b"));
  await world.call("PUT", "/meshes/m", { ...mesh, mtls: { backends: [backend("a"), backend("b")] } });
  assert.ok(secret("m.ca-builtin-cert-b"));
  assert.equal(secret("m.ca-builtin-cert-a"), first);
});

test("a secret in use by a CA is kept; a backend's secrets have to exist", async () => {
  const world = createWorld();
  await seed(world.store, { type: "Mesh", name: "m" });
  for (const name of ["cert", "key", "free"]) {
    await world.call("PUT", `/meshes/m/secrets/${name}`, { type: "Secret", mesh: "m", name, data: "YQ==" });
  }
  const mesh = (cert: string, skipValidation?: boolean) => ({
    type: "Mesh",
    name: "m",
    mtls: {
      ...(skipValidation ? { skipValidation } : {}),
      backends: [
        { name: "p", type: "provided", conf: { cert: { secret: cert }, key: { secret: "key" } } },
        backend("a"),
      ],
    },
  });
  const missing = await world.call("PUT", "/meshes/m", mesh("nope"));
  assert.equal(missing.status, 400);
  assert.equal(missing.json.invalid_parameters[0].field, "mtls.backends[0].conf.cert.secret");
  assert.equal((await world.call("PUT", "/meshes/m", mesh("nope", true))).status, 200);
  assert.equal((await world.call("PUT", "/meshes/m", mesh("cert"))).status, 200);
  for (const name of ["cert", "key", "m.ca-builtin-cert-a", "m.ca-builtin-key-a"]) {
    const refused = await world.call("DELETE", `/meshes/m/secrets/${name}`);
    assert.equal(refused.status, 400, name);
    assert.equal(refused.json.invalid_parameters[0].field, "name");
  }
  assert.equal((await world.call("DELETE", "/meshes/m/secrets/free")).status, 200);
});

test("a zone whose control plane is connected is kept", async () => {
  const world = createWorld();
  const subscriptions = [{ id: "1", connectTime: "2026-11-23T10:00:00Z" }];
  await seed(
    world.store,
    { type: "Zone", name: "z" },
    { type: "ZoneInsight", name: "z", spec: { subscriptions } },
  );
  const refused = await world.call("DELETE", "/zones/z");
  assert.equal(refused.status, 400);
  assert.equal(refused.json.invalid_parameters[0].field, "zone");
  const disconnected = [{ ...subscriptions[0], disconnectTime: "2026-11-23T10:01:00Z" }];
  await seed(world.store, { type: "ZoneInsight", name: "z", spec: { subscriptions: disconnected } });
  assert.equal((await world.call("DELETE", "/zones/z")).status, 200);
});
