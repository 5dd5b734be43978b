import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, dataplane, meshTimeout, NOON, seed, type World } from "./testing/world.ts";

const names = ({ json }: { json: { items: { name: string }[] } }) => json.items.map(({ name }) => name);

async function worldWithTimeouts(count: number): Promise<World> {
  const world = createWorld();
  await seed(world.store, { type: "Mesh", name: "default" });
  const all = Array.from({ length: count }, (_, index) => {
    const { spec } = meshTimeout("x");
    const name = `t-${String(index).padStart(5, "0")}`;
    return {
      type: "MeshTimeout",
      mesh: "default",
      name,
      labels: { team: `team-${index % 7}`, "kuma.io/mesh": "default" },
      spec,
    };
  });
  await seed(world.store, ...all);
  return world;
}

test("an empty list has all its keys", async () => {
  const world = createWorld();
  assert.deepEqual((await world.call("GET", "/meshes")).json, { total: 0, items: [], next: null });
});

test("pages: default size, limits, offsets, and a link that leads through all of them", async () => {
  const world = await worldWithTimeouts(250);
  const first = await world.call("GET", "/meshes/default/meshtimeouts");
  assert.equal(first.json.total, 250);
  assert.equal(first.json.items.length, 100);
  assert.equal(first.json.next, "http://localhost:5681/meshes/default/meshtimeouts?offset=100");
  const seen: string[] = [];
  let url: string | undefined = "/meshtimeouts?size=60&filter[labels.kuma.io/mesh]=default";
  while (url) {
    const page = await world.call("GET", url);
    seen.push(...names(page));
    url = page.json.next?.replace("http://localhost:5681", "");
    if (url)
      assert.match(url, /^\/meshtimeouts\?filter%5Blabels\.kuma\.io%2Fmesh%5D=default&offset=\d+&size=60$/);
  }
  assert.equal(seen.length, 250);
  assert.deepEqual(seen, seen.toSorted());
  const past = await world.call("GET", "/meshtimeouts?offset=9999");
  assert.deepEqual(past.json, { total: 250, items: [], next: null });
  assert.equal((await world.call("GET", "/meshtimeouts?size=1000")).json.items.length, 250);
  assert.equal((await world.call("GET", "/meshtimeouts?offset=150&size=100")).json.next, null);
  for (const [size, reason] of [
    ["0", "must be greater than 0"],
    ["-5", "must be greater than 0"],
    ["1001", "invalid page size of 1001. Maximum page size is 1000"],
    ["ten", "invalid format"],
    ["1.5", "invalid format"],
  ]) {
    const refused = await world.call("GET", `/meshtimeouts?size=${size}`);
    assert.equal(refused.status, 400);
    assert.equal(refused.json.detail, "Invalid page size");
    assert.deepEqual(refused.json.invalid_parameters, [{ field: "size", reason }]);
  }
  for (const offset of ["x", "-1", "1e3"]) {
    const refused = await world.call("GET", `/meshtimeouts?offset=${offset}`);
    assert.equal(refused.status, 400);
    assert.match(refused.json.detail, /^invalid: invalid offset: /);
  }
});

test("filters: name, labels, and what they do not support", async () => {
  const world = await worldWithTimeouts(21);
  assert.deepEqual(names(await world.call("GET", "/meshtimeouts?name=-0002")), ["t-00020"]);
  const team = await world.call("GET", "/meshtimeouts?filter[labels.team]=team-3");
  assert.deepEqual(names(team), ["t-00003", "t-00010", "t-00017"]);
  assert.equal(team.json.total, 3);
  const both = await world.call(
    "GET",
    "/meshtimeouts?filter[labels.team]=team-3&filter[labels.kuma.io/mesh]=other",
  );
  assert.equal(both.json.total, 0);
  const last = await world.call("GET", "/meshtimeouts?filter[labels.team]=team-1&filter[labels.team]=team-2");
  assert.deepEqual(names(last), ["t-00002", "t-00009", "t-00016"]);
  assert.equal((await world.call("GET", "/meshtimeouts?ingress=true&whatever=1")).json.total, 21);
  for (const [key, reason] of [
    ["filter[foo]", "filters are only supported on labels"],
    ["filter[labels.a][eq]", "advanced filters are not supported"],
  ] as const) {
    const refused = await world.call("GET", `/meshtimeouts?${key}=1`);
    assert.equal(refused.status, 400);
    assert.equal(refused.json.title, "Could not retrieve resources");
    assert.deepEqual(refused.json.invalid_parameters, [{ field: `/meshtimeouts.${key}`, reason }]);
  }
  const inMesh = await world.call("GET", "/meshes/default/meshtimeouts?filter[foo]=1");
  assert.equal(inMesh.json.invalid_parameters[0].field, "/meshes/{mesh}/meshtimeouts.filter[foo]");
});

test("dataplanes are filtered by tags and by gateway", async () => {
  const world = createWorld();
  await seed(world.store, { type: "Mesh", name: "default" }, { type: "Mesh", name: "m2" });
  const put = (document: { mesh: string; name: string }) =>
    world.call("PUT", `/meshes/${document.mesh}/dataplanes/${document.name}`, document);
  const gateway = (name: string, type: string) => {
    const { networking, ...meta } = dataplane(name);
    return {
      ...meta,
      networking: { address: networking.address, gateway: { type, tags: { "kuma.io/service": "edge" } } },
    };
  };
  for (const document of [
    dataplane("a", "default", { version: "v1" }),
    dataplane("b", "default", { version: "v2" }),
    dataplane("c", "m2"),
    gateway("g", "DELEGATED"),
    gateway("h", "BUILTIN"),
  ]) {
    const answer = await put(document);
    assert.equal(answer.status, 201, answer.text);
  }
  const list = async (query: string) => names(await world.call("GET", `/dataplanes?${query}`));
  assert.deepEqual(await list(""), ["a", "b", "g", "h", "c"], "by mesh, then name");
  assert.deepEqual(await list("tag=kuma.io/service:web"), ["a", "b", "c"]);
  assert.deepEqual(await list("tag=kuma.io/service:we&tag=version:*"), ["a", "b"]);
  assert.deepEqual(await list("tag=version:v2"), ["b"]);
  assert.deepEqual(await list("tag=malformed&tag=:x"), ["a", "b", "g", "h", "c"]);
  assert.deepEqual(await list("gateway=true"), ["g", "h"]);
  assert.deepEqual(await list("gateway=false"), ["a", "b", "c"]);
  assert.deepEqual(await list("gateway=builtin"), ["h"]);
  assert.deepEqual(await list("gateway=delegated"), ["g"]);
  const refused = await world.call("GET", "/dataplanes?gateway=maybe");
  assert.equal(refused.status, 400);
  assert.equal(refused.json.invalid_parameters[0].field, "/dataplanes.gateway");
  assert.equal((await world.call("GET", "/dataplanes/_overview?gateway=true")).json.total, 2);
});

test("overviews join resource and insight", async () => {
  const world = createWorld();
  await seed(world.store, { type: "Mesh", name: "default" }, { type: "Zone", name: "zone-1" });
  for (const name of ["a", "b"])
    await world.call("PUT", `/meshes/default/dataplanes/${name}`, dataplane(name));
  const subscriptions = [{ id: "1", connectTime: "2026-11-23T10:00:00Z" }];
  await seed(world.store, { type: "DataplaneInsight", mesh: "default", name: "a", spec: { subscriptions } });
  for (const path of [
    "/dataplanes/_overview",
    "/meshes/default/dataplanes/_overview",
    "/dataplanes+insights",
    "/meshes/default/dataplanes+insights",
  ]) {
    const { json } = await world.call("GET", path);
    assert.equal(json.total, 2, path);
    assert.deepEqual(Object.keys(json.items[0]), [
      "type",
      "mesh",
      "name",
      "creationTime",
      "modificationTime",
      "labels",
      "kri",
      "dataplane",
      "dataplaneInsight",
    ]);
    assert.equal(json.items[0].type, "DataplaneOverview");
    assert.equal(json.items[0].kri, "kri_dp_default_zone-1__a_");
    assert.equal(json.items[0].dataplane.networking.address, "127.0.0.1");
    assert.deepEqual(json.items[0].dataplaneInsight, { subscriptions });
    assert.ok(!("dataplaneInsight" in json.items[1]));
  }
  const paged = await world.call("GET", "/dataplanes/_overview?size=1");
  assert.match(paged.json.next, /offset=1&size=1$/);
  for (const path of ["/meshes/default/dataplanes/b/_overview", "/meshes/default/dataplanes+insights/b"]) {
    assert.deepEqual((await world.call("GET", path)).json.dataplaneInsight, {});
  }
  assert.equal((await world.call("GET", "/meshes/default/dataplanes/none/_overview")).status, 404);
  const zone = (await world.call("GET", "/zones/zone-1/_overview")).json;
  assert.equal(zone.type, "ZoneOverview");
  assert.deepEqual(zone.zone, {});
  assert.deepEqual(zone.zoneInsight, {});
});

test("insights are computed from what is stored now", async () => {
  const world = createWorld();
  await seed(world.store, { type: "Mesh", name: "default" }, { type: "Mesh", name: "empty" });
  for (const name of ["a", "b"])
    await world.call("PUT", `/meshes/default/dataplanes/${name}`, dataplane(name));
  assert.equal((await world.call("GET", "/mesh-insights/default")).json.dataplanes.offline, 2);
  await seed(world.store, {
    type: "DataplaneInsight",
    mesh: "default",
    name: "a",
    spec: {
      subscriptions: [
        {
          id: "1",
          connectTime: "2026-11-23T10:00:00Z",
          version: { kumaDp: { version: "2.14.3" }, envoy: { version: "1.40.0" } },
        },
      ],
      mTLS: { issuedBackend: "ca-1", supportedBackends: ["ca-1"] },
    },
  });
  await world.call("PUT", "/meshes/default/meshtimeouts/t", meshTimeout("t"));
  const mesh = (await world.call("GET", "/mesh-insights/default")).json;
  assert.equal(mesh.type, "MeshInsight");
  assert.deepEqual(mesh.dataplanes, { total: 2, online: 1, offline: 1 });
  assert.deepEqual(mesh.dataplanesByType.standard, { total: 2, online: 1, offline: 1 });
  assert.deepEqual(mesh.dpVersions, {
    kumaDp: { "2.14.3": { total: 1, online: 1 } },
    envoy: { "1.40.0": { total: 1, online: 1 } },
  });
  assert.deepEqual(mesh.mTLS.issuedBackends, { "ca-1": { total: 1, online: 1 } });
  assert.deepEqual(mesh.policies, { MeshTimeout: { total: 1 } });
  assert.equal(mesh.resources.Dataplane.total, 2);
  assert.deepEqual(mesh.services, { total: 1, internal: 1 });
  assert.deepEqual((await world.call("GET", "/mesh-insights/empty")).json.dataplanes, {});
  assert.equal((await world.call("GET", "/mesh-insights/none")).status, 404);
  assert.equal((await world.call("GET", "/mesh-insights?size=1")).json.total, 2);

  const service = (await world.call("GET", "/meshes/default/service-insights/web")).json;
  assert.equal(service.status, "partially_degraded");
  assert.deepEqual(service.dataplanes, { total: 2, online: 1, offline: 1 });
  assert.equal(service.addressPort, "web.mesh:80");
  assert.deepEqual(service.zones, ["zone-1"]);
  assert.equal((await world.call("GET", "/service-insights?type=internal")).json.total, 1);
  assert.equal((await world.call("GET", "/service-insights?type=external,gateway_builtin")).json.total, 0);
  assert.equal((await world.call("GET", "/service-insights?type=nope")).status, 400);
  assert.equal((await world.call("GET", "/meshes/default/service-insights/none")).status, 404);
  assert.equal((await world.call("PUT", "/meshes/default/service-insights/web", {})).status, 405);

  const all = (await world.call("GET", "/global-insight")).json;
  assert.equal(all.createdAt, new Date(NOON).toISOString().replace(".000Z", ".000000000Z"));
  assert.deepEqual(all.dataplanes.standard, { total: 2, online: 1, offline: 1, partiallyDegraded: 0 });
  assert.deepEqual(all.services.internal, { total: 1, online: 0, offline: 0, partiallyDegraded: 1 });
  assert.deepEqual(all.meshes, { total: 2 });
  assert.deepEqual(all.policies, { total: 1 });
  const old = (await world.call("GET", "/global-insights")).json;
  assert.deepEqual(Object.keys(old.resources), ["GlobalSecret", "HostnameGenerator", "Mesh", "Zone"]);
  assert.equal(old.resources.Mesh.total, 2);
});

test("ten thousand resources: pages and filters stay fast", async () => {
  const world = await worldWithTimeouts(10_000);
  await world.call("GET", "/meshtimeouts?size=1");
  const started = performance.now();
  const middle = await world.call("GET", "/meshes/default/meshtimeouts?size=100&offset=5000");
  assert.equal(middle.json.total, 10_000);
  assert.equal(names(middle)[0], "t-05000");
  const filtered = await world.call("GET", "/meshtimeouts?filter[labels.team]=team-6&size=1000&offset=1000");
  assert.equal(filtered.json.total, 1428);
  assert.equal(filtered.json.items.length, 428);
  const elapsed = performance.now() - started;
  assert.ok(elapsed < 1000, `two pages took ${elapsed} ms`);
});
