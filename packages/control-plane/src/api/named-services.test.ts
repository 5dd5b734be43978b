import assert from "node:assert/strict";
import { test } from "node:test";
import type { NewResource } from "@skein/model";
import { createWorld, seed, type World } from "./testing/world.ts";

async function start(): Promise<World> {
  const world = createWorld();
  await seed(world.store, { type: "Mesh", name: "m1" });
  return world;
}

async function setStatus({ store }: World, type: string, name: string, status: object): Promise<void> {
  const stored = store.get({ type, mesh: "m1", name });
  assert.ok(stored);
  const { creationTime: _, modificationTime: __, revision, ...rest } = stored;
  const resource: NewResource = { ...rest, status };
  await store.write([{ op: "update", resource, ifRevision: revision }]);
}

const EXTERNAL = {
  type: "MeshExternalService",
  mesh: "m1",
  name: "db",
  spec: { match: { port: 5432 }, endpoints: [{ address: "db.example", port: 5432 }] },
};
const MULTI_ZONE = {
  type: "MeshMultiZoneService",
  mesh: "m1",
  name: "api",
  spec: {
    selector: { meshService: { matchLabels: { app: "api" } } },
    ports: [{ port: 8443, name: "web" }, { port: 80 }],
  },
};

test("an external service belongs to its zone: labels, KRI, server name, defaults", async () => {
  const world = await start();
  const url = "/meshes/m1/meshexternalservices/db";
  assert.equal((await world.call("PUT", url, EXTERNAL)).status, 201);
  const { json } = await world.call("GET", url);
  assert.deepEqual(json.labels, {
    "kuma.io/env": "universal",
    "kuma.io/mesh": "m1",
    "kuma.io/origin": "zone",
    "kuma.io/zone": "zone-1",
  });
  assert.equal(json.kri, "kri_extsvc_m1_zone-1__db_");
  assert.deepEqual(json.snis, [{ port: 5432, sni: "sni.extsvc.m1.zone-1.db.5432" }]);
  assert.deepEqual(json.spec.match, { type: "HostnameGenerator", port: 5432, protocol: "tcp" });
  assert.deepEqual(json.status, {});
});

test("a multi-zone service belongs to no zone; its server names are in the order of its ports", async () => {
  const world = await start();
  const url = "/meshes/m1/meshmultizoneservices/api";
  assert.equal((await world.call("PUT", url, MULTI_ZONE)).status, 201);
  const { json } = await world.call("GET", url);
  assert.deepEqual(json.labels, { "kuma.io/mesh": "m1" });
  assert.equal(json.kri, "kri_mzsvc_m1___api_");
  assert.deepEqual(json.snis, [
    { port: 80, sni: "sni.mzsvc.m1.api.80" },
    { port: 8443, sni: "sni.mzsvc.m1.api.web" },
  ]);
});

test("a user's write leaves the status as it is", async () => {
  const world = await start();
  const url = "/meshes/m1/meshexternalservices/db";
  await world.call("PUT", url, EXTERNAL);
  const status = { vip: { ip: "242.0.0.0" } };
  await setStatus(world, "MeshExternalService", "db", status);
  const spec = { ...EXTERNAL.spec, match: { port: 5433 } };
  await world.call("PUT", url, { ...EXTERNAL, spec, status: { vip: { ip: "242.0.0.9" } } });
  const { json } = await world.call("GET", url);
  assert.equal(json.spec.match.port, 5433);
  assert.deepEqual(json.status, status);
});

test("host names of each kind of service, in the zone that gives them", async () => {
  const world = await start();
  await world.call("PUT", "/meshes/m1/meshexternalservices/db", EXTERNAL);
  await world.call("PUT", "/meshes/m1/meshmultizoneservices/api", MULTI_ZONE);
  await seed(world.store, {
    type: "MeshService",
    mesh: "m1",
    name: "copy",
    labels: { "kuma.io/origin": "global", "kuma.io/zone": "west" },
    spec: {},
  });
  for (const [type, path, name] of [
    ["MeshExternalService", "meshexternalservices", "db"],
    ["MeshMultiZoneService", "meshmultizoneservices", "api"],
    ["MeshService", "meshservices", "copy"],
  ] as const) {
    const url = `/meshes/m1/${path}/${name}/_hostnames`;
    assert.deepEqual((await world.call("GET", url)).json, { items: [], total: 0 });
    await setStatus(world, type, name, {
      addresses: [{ hostname: `${name}.local` }, { hostname: "b.local" }],
    });
    const zones = [{ name: "zone-1" }];
    assert.deepEqual((await world.call("GET", url)).json, {
      items: [
        { hostname: `${name}.local`, zones },
        { hostname: "b.local", zones },
      ],
      total: 2,
    });
    assert.equal((await world.call("GET", `/meshes/m1/${path}/none/_hostnames`)).status, 404);
  }
});
