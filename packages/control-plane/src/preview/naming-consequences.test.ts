import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../api/testing/world.ts";
import type { NameChange } from "./report.ts";
import { type LiveWorld, liveWorld, put } from "./testing/live-world.ts";

type Document = Readonly<Record<string, unknown>>;

const mesh = (name: string, mode = "Exclusive"): Document => ({ type: "Mesh", name, meshServices: { mode } });
const instance = (name: string, service: string, inMesh = "default"): Document => ({
  type: "Dataplane",
  mesh: inMesh,
  name,
  networking: { address: "127.0.0.1", inbound: [{ port: 8080, tags: { "kuma.io/service": service } }] },
});
const external = (name: string): Document => ({
  type: "MeshExternalService",
  mesh: "default",
  name,
  spec: {
    match: { type: "HostnameGenerator", port: 80, protocol: "tcp" },
    endpoints: [{ address: "db.example", port: 5432 }],
  },
});
const generator = (of: string, template: string, name = of.toLowerCase()): Document => ({
  type: "HostnameGenerator",
  name,
  spec: { selector: { [of]: { matchLabels: {} } }, template },
});
const NAMES = [
  generator("meshService", "{{ .DisplayName }}.svc.mesh.local"),
  generator("meshExternalService", "{{ .DisplayName }}.extsvc.mesh.local"),
];
const AN_HOUR_AFTER_NOON = "2026-11-23T11:00:00.000Z";

async function asked({ api }: LiveWorld, ...documents: readonly Document[]): Promise<Answer["json"]> {
  const changes = documents.map((document) => ({
    op: "put",
    type: document.type,
    ...(document.mesh === undefined ? {} : { mesh: document.mesh }),
    name: document.name,
    resource: document,
  }));
  return answer({ api }, changes);
}

async function askedToDelete(live: LiveWorld, type: string, name: string, mesh?: string) {
  return answer(live, [{ op: "delete", type, name, ...(mesh === undefined ? {} : { mesh }) }]);
}

async function answer({ api }: Pick<LiveWorld, "api">, changes: readonly object[]): Promise<Answer["json"]> {
  const { status, json, text } = await api.call("POST", "/_preview", { changes });
  assert.equal(status, 200, text);
  return json;
}

function brief({ names }: { readonly names: { readonly items: readonly NameChange[] } }): readonly string[] {
  return names.items.map(({ mesh: inMesh, type, name, change, hostnames, addresses, goesAt = "" }) => {
    const parts = [...hostnames.added, ...addresses.added].map((each) => `+${each}`);
    const gone = [...hostnames.removed, ...addresses.removed].map((each) => `-${each}`);
    return [inMesh, type, name, change, ...parts, ...gone, goesAt].join(" ").trim();
  });
}

test("an instance of a service that nobody knew: the service appears, with the address that it then has", async () => {
  const live = liveWorld();
  await put(live.api, mesh("default"), ...NAMES, instance("api-0", "api"));
  for (let i = 0; i < 5; i++) await asked(live, instance("web-0", "web"), instance("x-0", "x"));
  const preview = await asked(live, instance("web-0", "web"));
  assert.deepEqual(preview.names, {
    total: 1,
    items: [
      {
        ...{ mesh: "default", type: "MeshService", name: "web", change: "appears" },
        hostnames: { added: ["web.svc.mesh.local"], removed: [] },
        addresses: { added: ["241.0.0.1"], removed: [] },
      },
    ],
  });
  const key = { type: "MeshService", mesh: "default", name: "web" };
  assert.equal(live.api.store.get(key), undefined);
  await put(live.api, instance("web-0", "web"));
  assert.deepEqual(Reflect.get(Object(live.api.store.get(key)?.status), "vips"), [{ ip: "241.0.0.1" }]);
});

test("several new services in several writes: which gets which address is not known, the range is", async () => {
  const live = liveWorld();
  await put(live.api, mesh("default"), ...NAMES, external("known"));
  assert.deepEqual(brief(await asked(live, external("b"), external("a"))), [
    "default MeshExternalService a appears +a.extsvc.mesh.local +an address of 242.0.0.0/8",
    "default MeshExternalService b appears +b.extsvc.mesh.local +an address of 242.0.0.0/8",
  ]);
  assert.deepEqual(brief(await asked(live, external("b"))), [
    "default MeshExternalService b appears +b.extsvc.mesh.local +242.0.0.1",
  ]);
});

test("stored addresses without a stored turn: the next one is not promised", async () => {
  const live = liveWorld();
  await put(live.api, mesh("default"));
  const status = { vip: { ip: "242.0.0.9" } };
  const labels = { "kuma.io/origin": "zone" };
  const { spec } = external("moved");
  const moved = { type: "MeshExternalService", mesh: "default", name: "moved", labels, spec, status };
  await live.api.store.write([{ op: "put", resource: moved }]);
  assert.deepEqual(brief(await asked(live, external("b"))), [
    "default MeshExternalService b appears +an address of 242.0.0.0/8",
  ]);
});

test("the last instance goes: the service stays for its hour, and is back when one comes back", async () => {
  const live = liveWorld();
  await put(live.api, mesh("default"), ...NAMES, instance("api-0", "api"));
  assert.deepEqual(brief(await askedToDelete(live, "Dataplane", "api-0", "default")), [
    `default MeshService api changes ${AN_HOUR_AFTER_NOON}`,
  ]);
  await live.api.call("DELETE", "/meshes/default/dataplanes/api-0");
  const { names } = await asked(live, instance("api-1", "api"));
  assert.deepEqual(names.items, []);
  assert.deepEqual(brief(await asked(live, instance("web-0", "web"))), [
    "default MeshService web appears +web.svc.mesh.local +241.0.0.1",
  ]);
});

test("what is deleted goes with its names, and a mesh with all of them", async () => {
  const live = liveWorld();
  await put(live.api, mesh("default"), ...NAMES, external("db"), instance("api-0", "api"));
  const db = "default MeshExternalService db goes -db.extsvc.mesh.local -242.0.0.0";
  assert.deepEqual(brief(await askedToDelete(live, "MeshExternalService", "db", "default")), [db]);
  const generated = await askedToDelete(live, "MeshService", "api", "default");
  assert.deepEqual(
    generated.names.items.map(({ name, change }: NameChange) => [name, change]),
    [["api", "changes"]],
    "it is made again, with another address",
  );
  await live.api.call("DELETE", "/meshes/default/dataplanes/api-0");
  assert.deepEqual(brief(await askedToDelete(live, "Mesh", "default")), [
    db,
    "default MeshService api goes -api.svc.mesh.local -241.0.0.0",
  ]);
});

test("a mode: services of instances that are there come with MeshServices, and go without", async () => {
  const live = liveWorld();
  await put(
    live.api,
    mesh("default", "Disabled"),
    ...NAMES,
    instance("web-0", "web"),
    instance("api-0", "api"),
  );
  assert.deepEqual(brief(await asked(live, mesh("default"))), [
    "default MeshService api appears +api.svc.mesh.local +241.0.0.0",
    "default MeshService web appears +web.svc.mesh.local +241.0.0.1",
    `default TaggedService api changes ${AN_HOUR_AFTER_NOON}`,
    `default TaggedService web changes ${AN_HOUR_AFTER_NOON}`,
  ]);
  await put(live.api, mesh("default"));
  const gone = brief(await asked(live, mesh("default", "Disabled")));
  assert.deepEqual(
    gone.filter((each) => each.includes(" MeshService ")),
    [
      "default MeshService api goes -api.svc.mesh.local -241.0.0.0",
      "default MeshService web goes -web.svc.mesh.local -241.0.0.1",
    ],
  );
});

test("a generator renames services of every mesh, and its end takes the names away", async () => {
  const live = liveWorld();
  await put(live.api, mesh("default"), mesh("other"), mesh("empty"), ...NAMES);
  await put(live.api, instance("api-0", "api"), instance("web-0", "web", "other"));
  const changed = generator("meshService", "{{ .DisplayName }}.{{ .Mesh }}.local");
  assert.deepEqual(brief(await asked(live, changed)), [
    "default MeshService api changes +api.default.local -api.svc.mesh.local",
    "other MeshService web changes +web.other.local -web.svc.mesh.local",
  ]);
  const removed = await askedToDelete(live, "HostnameGenerator", "meshservice");
  assert.deepEqual(brief(removed), [
    "default MeshService api changes -api.svc.mesh.local",
    "other MeshService web changes -web.svc.mesh.local",
  ]);
  const ofNobody = await asked(live, generator("meshMultiZoneService", "{{ .DisplayName }}.mz"));
  assert.deepEqual([ofNobody.names.total, ofNobody.proxies.total], [0, 0], "no mesh was planned for nothing");
});

test("an address that comes free is for who waits; one who gets none is told", async () => {
  const live = liveWorld({ vipCidrs: { MeshExternalService: "242.0.0.0/32" } });
  await put(live.api, mesh("default"), ...NAMES, external("db"));
  const full = await asked(live, external("late"));
  assert.deepEqual(brief(full), ["default MeshExternalService late appears +late.extsvc.mesh.local"]);
  assert.match(
    full.notes[0],
    /"late" has no address, because the range ipam.meshExternalService.cidr is used up/,
  );
  await put(live.api, external("late"));
  assert.deepEqual(brief(await askedToDelete(live, "MeshExternalService", "db", "default")), [
    "default MeshExternalService db goes -db.extsvc.mesh.local -242.0.0.0",
    "default MeshExternalService late changes +242.0.0.0",
  ]);
});

test("who has the name already stays as it is, and that is told", async () => {
  const live = liveWorld();
  await put(live.api, mesh("default"), ...NAMES);
  await put(live.api, {
    type: "MeshService",
    mesh: "default",
    name: "api",
    spec: { ports: [{ port: 80, targetPort: 80, appProtocol: "tcp" }] },
  });
  const { names, notes } = await asked(live, instance("api-0", "api"));
  assert.equal(names.total, 0);
  assert.match(notes[0], /MeshService "api" was not made by the control plane/);
});
