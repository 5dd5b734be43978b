import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, dataplane, meshTimeout, seed } from "./testing/world.ts";

async function worldWithMesh(options = {}) {
  const world = createWorld(options);
  await seed(world.store, { type: "Mesh", name: "default" });
  return world;
}

test("a resource is created, read, updated and deleted", async () => {
  const world = await worldWithMesh();
  const url = "/meshes/default/meshtimeouts/q";
  const created = await world.call("PUT", url, meshTimeout("q"));
  assert.equal(created.status, 201);
  assert.deepEqual(created.json, { changeId: 2 });
  assert.equal(created.headers["skein-change-id"], "2");
  assert.equal(created.headers["content-type"], "application/json");

  const read = await world.call("GET", url);
  assert.equal(read.status, 200);
  assert.deepEqual(Object.keys(read.json), [
    "type",
    "mesh",
    "name",
    "creationTime",
    "modificationTime",
    "labels",
    "kri",
    "spec",
  ]);
  assert.equal(read.json.kri, "kri_mt_default_zone-1__q_");
  assert.deepEqual(read.json.labels, {
    "kuma.io/mesh": "default",
    "kuma.io/origin": "zone",
    "kuma.io/zone": "zone-1",
    "kuma.io/env": "universal",
  });
  assert.match(read.text, /^\{\n "type": "MeshTimeout",\n/);
  assert.ok(read.text.endsWith("}\n"));

  const updated = await world.call("PUT", url, meshTimeout("q", "default", "30s"));
  assert.equal(updated.status, 200);
  assert.deepEqual(updated.json, { changeId: 3 });
  const same = await world.call("PUT", url, meshTimeout("q", "default", "30s"));
  assert.equal(same.status, 200);
  assert.deepEqual(same.json, { changeId: 3 }, "a write that changes nothing carries the revision it has");

  const deleted = await world.call("DELETE", url);
  assert.equal(deleted.status, 200);
  assert.deepEqual(deleted.json, { changeId: 4 });
  assert.equal((await world.call("GET", url)).status, 404);
});

test("what GET answers can be PUT back", async () => {
  const world = await worldWithMesh();
  await world.call("PUT", "/meshes/default/dataplanes/d1", dataplane("d1"));
  const read = await world.call("GET", "/meshes/default/dataplanes/d1");
  const again = await world.call("PUT", "/meshes/default/dataplanes/d1?validate=strict", read.json);
  assert.equal(again.status, 200, again.text);
  assert.equal(again.json.changeId, 2);
  assert.equal(read.json.networking.inbound[0].tags["kuma.io/zone"], "zone-1");
  assert.equal(read.json.labels["kuma.io/proxy-type"], "sidecar");
});

test("40 parallel writers of one resource all succeed", async () => {
  const world = await worldWithMesh();
  const url = "/meshes/default/meshtimeouts/q";
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      world.call("PUT", url, meshTimeout("q", "default", `${index + 1}s`)),
    ),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200, 201]));
  assert.equal(answers.filter(({ status }) => status === 201).length, 1);
  assert.equal(new Set(answers.map(({ json }) => json.changeId)).size, 40);
});

test("If-Match makes a write conditional", async () => {
  const world = await worldWithMesh();
  const url = "/meshes/default/meshtimeouts/q";
  const { json } = await world.call("PUT", url, meshTimeout("q"));
  const match = { "if-match": `"${json.changeId}"` };
  assert.equal((await world.call("PUT", url, meshTimeout("q", "default", "1m"), match)).status, 200);
  const late = await world.call("PUT", url, meshTimeout("q", "default", "2m"), match);
  assert.equal(late.status, 409);
  assert.equal(late.json.title, "Conflict");
  assert.match(late.json.detail, /^resource conflict: type="MeshTimeout" name="q" mesh="default"/);
  assert.equal((await world.call("DELETE", url, undefined, match)).status, 409);
  assert.equal((await world.call("PUT", url, meshTimeout("q"), { "if-match": "x" })).status, 400);
});

test("unknown fields: warned, refused or ignored, as the request asks", async () => {
  const world = await worldWithMesh();
  const url = "/meshes/default/meshtimeouts/q";
  const typo = {
    ...meshTimeout("q"),
    spec: { to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeuot: "1s", connectionTimeout: "2s" } }] },
  };
  const warned = await world.call("PUT", url, typo);
  assert.equal(warned.status, 201);
  assert.match(
    warned.json.warnings[0],
    /^spec\.to\[0\]\.default\.idleTimeuot: unknown field, did you mean `idleTimeout`\?/,
  );
  const strict = await world.call("PUT", `${url}?validate=strict`, typo);
  assert.equal(strict.status, 400);
  assert.equal(strict.json.invalid_parameters[0].field, "spec.to[0].default.idleTimeuot");
  assert.deepEqual(Object.keys((await world.call("PUT", `${url}?validate=ignore`, typo)).json), ["changeId"]);
  assert.equal(
    (await world.call("PUT", `${url}?validate=maybe`, typo)).json.invalid_parameters[0].field,
    "validate",
  );
});

test("the pipeline's warnings are passed on", async () => {
  const world = await worldWithMesh({
    deps: {
      plans: {
        plan: () => undefined,
        access: () => [],
        xds: async () => undefined,
        selectedBy: () => [],
        warnings: ({ name, revision }: { name: string; revision: number }) => [
          `${name} at ${revision} selects no proxy`,
        ],
      },
    },
  });
  const { json } = await world.call("PUT", "/meshes/default/meshtimeouts/q", meshTimeout("q"));
  assert.deepEqual(json, { warnings: ["q at 2 selects no proxy"], changeId: 2 });
});

test("a PUT replaces labels and keeps status, owner and creation time", async () => {
  const world = await worldWithMesh();
  const url = "/meshes/default/workloads/w";
  const workload = { type: "Workload", mesh: "default", name: "w", labels: { team: "a" }, spec: {} };
  assert.equal((await world.call("PUT", url, workload)).status, 201);
  const stored = world.store.get({ type: "Workload", mesh: "default", name: "w" });
  assert.ok(stored);
  assert.deepEqual(stored.owner, { type: "Mesh", mesh: "", name: "default" });
  const status = { dataplaneProxies: { connected: 1, healthy: 1, total: 1 } };
  await world.store.write([{ op: "put", resource: { ...stored, status } }]);
  await world.call("PUT", url, { ...workload, labels: { color: "red" }, status: { ignored: true } });
  const { json } = await world.call("GET", url);
  assert.deepEqual(json.status, status);
  assert.equal(json.labels.team, undefined);
  assert.equal(json.labels.color, "red");
  assert.equal(json.creationTime, stored.creationTime);
});

test("labels: immutable ones, wrong zones, wrong meshes and bad syntax are refused", async () => {
  const world = await worldWithMesh();
  const put = (labels: Record<string, string>) =>
    world.call("PUT", "/meshes/default/meshtimeouts/q", { ...meshTimeout("q"), labels });
  assert.equal((await put({ "kuma.io/display-name": "a" })).status, 201);
  const changed = await put({ "kuma.io/display-name": "b" });
  assert.equal(changed.status, 400);
  assert.equal(changed.json.title, "Could not update a resource");
  assert.deepEqual(changed.json.invalid_parameters, [
    { field: 'labels["kuma.io/display-name"]', reason: 'is immutable, cannot be changed from "a" to "b"' },
  ]);
  const removed = await put({});
  assert.equal(removed.json.invalid_parameters[0].reason, 'is immutable, cannot be removed (was "a")');
  for (const [label, value] of [
    ["kuma.io/zone", "other"],
    ["kuma.io/mesh", "other"],
    ["kuma.io/origin", "weird"],
    ["bad key", "x"],
    ["key", "bad value"],
  ] as const) {
    const refused = await put({ "kuma.io/display-name": "a", [label]: value });
    assert.equal(refused.status, 400);
    assert.equal(refused.json.title, "Could not process a resource");
    assert.equal(refused.json.invalid_parameters[0].field, `labels[${JSON.stringify(label)}]`);
  }
  const origin = await world.call("PUT", "/meshes/default/meshtimeouts/q2", {
    ...meshTimeout("q2"),
    labels: { "kuma.io/origin": "global" },
  });
  assert.equal(origin.status, 201, "a plain zone takes resources of global origin");
  assert.equal(
    (await world.call("GET", "/meshes/default/meshtimeouts/q2")).json.labels["kuma.io/zone"],
    undefined,
  );
});

test("a federated zone wants the origin label on spec kinds, and refuses global kinds", async () => {
  const world = await worldWithMesh({ settings: { federated: true } });
  const url = "/meshes/default/meshtimeouts/q";
  const refused = await world.call("PUT", url, meshTimeout("q"));
  assert.equal(refused.status, 400);
  assert.deepEqual(refused.json.invalid_parameters, [
    { field: 'labels["kuma.io/origin"]', reason: "the origin label must be set to 'zone'" },
  ]);
  assert.equal(
    (await world.call("PUT", url, { ...meshTimeout("q"), labels: { "kuma.io/origin": "zone" } })).status,
    201,
  );
  assert.equal((await world.call("PUT", "/meshes/default/dataplanes/d", dataplane("d"))).status, 201);
  assert.equal((await world.call("PUT", "/meshes/m2", { type: "Mesh", name: "m2" })).status, 405);
  await seed(world.store, {
    type: "MeshTimeout",
    mesh: "default",
    name: "synced",
    spec: meshTimeout("x").spec,
  });
  const kept = await world.call("DELETE", "/meshes/default/meshtimeouts/synced");
  assert.equal(kept.status, 400);
  assert.equal(kept.json.invalid_parameters[0].field, '["kuma.io/origin"]');
  const { resources } = (await world.call("GET", "/_resources")).json;
  assert.ok(resources.every(({ readOnly }: { readOnly: boolean }) => readOnly));
  const { policies } = (await world.call("GET", "/policies")).json;
  assert.ok(policies.every(({ readOnly }: { readOnly: boolean }) => !readOnly));
});

test("a new Dataplane's workload label has to be a DNS-1035 label", async () => {
  const world = await worldWithMesh();
  const document = { ...dataplane("d"), labels: { "kuma.io/workload": "1web" } };
  const refused = await world.call("PUT", "/meshes/default/dataplanes/d", document);
  assert.equal(refused.status, 400);
  assert.equal(refused.json.title, "Bad Request");
  assert.equal(refused.json.invalid_parameters, undefined);
});

test("a Dataplane outside the mesh's membership constraints is refused with its field", async () => {
  const world = createWorld();
  const constraints = {
    dataplaneProxy: { requirements: [{ tags: { team: "a" } }], restrictions: [{ tags: { env: "*" } }] },
  };
  await seed(world.store, { type: "Mesh", name: "default", spec: { constraints } });
  const put = (tags: Record<string, string>) =>
    world.call("PUT", "/meshes/default/dataplanes/d", dataplane("d", "default", tags));
  const missing = await put({});
  assert.equal(missing.status, 400);
  assert.equal(missing.json.title, "Failed to create a resource");
  assert.equal(missing.json.invalid_parameters[0].field, "networking.inbound[0].tags");
  assert.equal((await put({ team: "a", env: "prod" })).status, 400);
  assert.equal((await put({ team: "a" })).status, 201);
});

test("only admins use secrets; data is shown in clear and kept encrypted", async () => {
  const world = await worldWithMesh({ encryptionKey: true });
  const url = "/meshes/default/secrets/s";
  const secret = { type: "Secret", mesh: "default", name: "s", data: Buffer.from("hush").toString("base64") };
  const denied = await world.callFromAfar("PUT", url, secret);
  assert.equal(denied.status, 403);
  assert.equal(denied.json.title, "Access Denied");
  assert.equal(
    denied.json.detail,
    'user "mesh-system:anonymous/mesh-system:unauthenticated" cannot access the resource of type "Secret"',
  );
  assert.equal(
    (await world.callFromAfar("PUT", url, { ...secret, data: 7 })).status,
    400,
    "validation comes before access",
  );
  const created = await world.call("PUT", url, secret);
  assert.equal(created.status, 201);
  const stored = world.store.get({ type: "Secret", mesh: "default", name: "s" });
  assert.ok(!JSON.stringify(stored).includes(secret.data));
  assert.equal((await world.call("GET", url)).json.data, secret.data);
  assert.equal((await world.call("GET", "/secrets")).json.items[0].data, secret.data);
  assert.equal(
    (await world.call("PUT", url, secret)).json.changeId,
    created.json.changeId,
    "same data, no change",
  );
  for (const path of [url, "/secrets", "/meshes/default/secrets", "/globalsecrets", "/global-secrets"]) {
    assert.equal((await world.callFromAfar("GET", path)).status, 403, path);
  }
  assert.equal((await world.callFromAfar("DELETE", url)).status, 403);
  assert.equal((await world.callFromAfar("DELETE", "/meshes/default/secrets/none")).status, 404);
  const empty = { type: "GlobalSecret", name: "g" };
  assert.equal((await world.call("PUT", "/global-secrets/g", empty)).status, 201);
  assert.equal((await world.call("GET", "/globalsecrets/g")).json.data, undefined);
});

test("a DELETE answers with warnings about what was deleted, in the shape in which a PUT does", async () => {
  const base = createWorld();
  const deleteWarnings = ({ name }: { readonly name: string }) => (name === "q" ? ["q protected d-1"] : []);
  const world = await worldWithMesh({ deps: { plans: { ...base.deps.plans, deleteWarnings } } });
  for (const name of ["q", "r"])
    await world.call("PUT", `/meshes/default/meshtimeouts/${name}`, meshTimeout(name));
  const warned = await world.call("DELETE", "/meshes/default/meshtimeouts/q");
  assert.deepEqual(warned.json, { warnings: ["q protected d-1"], changeId: 4 });
  assert.deepEqual((await world.call("DELETE", "/meshes/default/meshtimeouts/r")).json, { changeId: 5 });
});
