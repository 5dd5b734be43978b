import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshExternalServiceResource, MeshMultiZoneServiceResource, Resource } from "@skein/model";
import { openMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { ADDRESSED_TYPES, type AddressedStatus, vipsOf } from "./addressed.ts";
import { startNaming } from "./run.ts";
import type { TaggedServiceResource } from "./tagged-service.ts";
import { type TestNaming, testNaming, VIP_CIDRS } from "./testing/naming-world.ts";
import {
  dataplane,
  externalService,
  generator,
  inbound,
  mesh,
  multiZoneService,
  SETTINGS,
  userService,
} from "./testing/resources.ts";
import { VIP_TURNS } from "./vip-turns.ts";
import { WATCHED_TYPES } from "./zone-naming.ts";

const external = ({ store }: TestNaming, name: string) =>
  store.get<MeshExternalServiceResource>({ type: "MeshExternalService", mesh: "demo", name });
const multiZone = ({ store }: TestNaming, name: string) =>
  store.get<MeshMultiZoneServiceResource>({ type: "MeshMultiZoneService", mesh: "demo", name });
const tagged = ({ store }: TestNaming, name: string) =>
  store.get<TaggedServiceResource>({ type: "TaggedService", mesh: "demo", name });
const put = ({ store }: TestNaming, ...resources: readonly Resource[]) =>
  store.write(resources.map((resource) => ({ op: "put" as const, resource })));
const hostnames = (resource: Resource | undefined) =>
  (resource?.status as AddressedStatus | undefined)?.addresses?.map(({ hostname }) => hostname);
const externalGenerator = generator(
  "es",
  "",
  {},
  {
    spec: { selector: { meshExternalService: {} }, template: "{{ .DisplayName }}.extsvc.mesh.local" },
  },
);

test("an external service has an address of its range, a name, and how each generator fared", async (t) => {
  const world = await testNaming(t);
  await put(world, externalGenerator, externalService("db"));
  await world.naming.idle();
  assert.deepEqual(external(world, "db")?.status, {
    addresses: [
      {
        hostname: "db.extsvc.mesh.local",
        origin: "HostnameGenerator",
        hostnameGeneratorRef: { coreName: "es" },
      },
    ],
    hostnameGenerators: [
      {
        hostnameGeneratorRef: { coreName: "es" },
        conditions: [{ type: "Generated", status: "True", reason: "Generated", message: "" }],
      },
    ],
    vip: { ip: "242.0.0.0" },
  });
  const { revision } = world.store;
  const again = await world.restart();
  await again.naming.idle();
  assert.equal(world.store.revision, revision);
});

test("a name that a service and an external service both would have is the older one's, and passes on", async (t) => {
  const world = await testNaming(t);
  const ours = generator(
    "es",
    "",
    {},
    {
      spec: { selector: { meshExternalService: {} }, template: "{{ .DisplayName }}.svc.mesh.local" },
      labels: { "kuma.io/origin": "zone" },
    },
  );
  await put(world, ours, externalService("api"));
  await world.naming.idle();
  await world.clock.pass(1_000);
  await world.put(dataplane("a-1", [inbound("api", 80)]));
  await world.naming.idle();
  assert.deepEqual(hostnames(external(world, "api")), ["api.svc.mesh.local"]);
  assert.equal(hostnames(world.service("api")), undefined);
  const condition = world.service("api")?.status?.hostnameGenerators?.[0]?.conditions?.[0];
  assert.equal(condition?.reason, "Collision");
  assert.match(condition?.message ?? "", /MeshExternalService "api"/);
  await world.remove("MeshExternalService", "api");
  await world.naming.idle();
  assert.deepEqual(hostnames(world.service("api")), ["api.svc.mesh.local"]);
});

test("a multi-zone service lists the services that its labels find, and follows them", async (t) => {
  const world = await testNaming(t);
  const labels = (zone: string, name: string) => ({ "kuma.io/zone": zone, "kuma.io/display-name": name });
  await put(
    world,
    multiZoneService("api", { "kuma.io/display-name": "api" }),
    multiZoneService("none", { team: "nobody" }),
    userService("api-x9", {}, { labels: labels("west", "api") }),
    userService("api", {}, { labels: { "kuma.io/zone": "east", "k8s.kuma.io/namespace": "ns" } }),
    userService("web", {}, { labels: labels("east", "web") }),
  );
  await world.naming.idle();
  const entry = (zone: string, namespace = "") => ({ name: "api", namespace, zone, mesh: "demo" });
  const { status } = multiZone(world, "api") ?? {};
  assert.deepEqual(status?.meshServices, [entry("west"), entry("east", "ns")]);
  assert.deepEqual(status?.conditions, [
    { type: "MeshServicesMatched", status: "True", reason: "MatchesFound", message: "" },
  ]);
  assert.deepEqual(status?.vips, [{ ip: "243.0.0.0" }]);
  const none = multiZone(world, "none")?.status;
  assert.equal(none?.conditions?.[0]?.reason, "NoMatchesFound");
  assert.equal(none?.conditions?.[0]?.status, "False");
  assert.equal(none?.meshServices, undefined);
  assert.deepEqual(none?.vips, [{ ip: "243.0.0.1" }]);

  await world.remove("MeshService", "api-x9");
  await put(world, userService("web", {}, { labels: { ...labels("east", "web"), team: "nobody" } }));
  await world.naming.idle();
  assert.deepEqual(multiZone(world, "api")?.status?.meshServices, [entry("east", "ns")]);
  assert.equal(multiZone(world, "none")?.status?.meshServices?.[0]?.name, "web");

  await put(world, multiZoneService("none", {}));
  await world.naming.idle();
  assert.equal(multiZone(world, "none")?.status?.meshServices?.length, 2);
});

test("a service whose status changes does not concern the multi-zone services that it is in", async (t) => {
  const world = await testNaming(t);
  await put(world, multiZoneService("all", {}));
  await world.put(dataplane("a-1", [inbound("api", 80)]));
  await world.naming.idle();
  const before = multiZone(world, "all");
  world.down.add("a-1");
  world.naming.wake("demo", "a-1");
  await world.naming.idle();
  assert.equal(world.service("api")?.status?.dataplaneProxies?.connected, 0);
  assert.equal(multiZone(world, "all"), before);
});

test("where services are called by tag, each tag has an address, names and ports", async (t) => {
  const world = await testNaming(t);
  await world.store.write([{ op: "put", resource: mesh("demo", "Everywhere") }]);
  await world.put(
    dataplane("a-1", [inbound("My_api.v1", 80), inbound("My_api.v1", 8080)]),
    dataplane("a-2", [inbound("My_api.v1", 79)]),
    dataplane("w", [inbound(undefined, 80)], { labels: { "kuma.io/workload": "w" } }),
  );
  await world.naming.idle();
  const { spec, status } = tagged(world, "My_api.v1") ?? {};
  assert.deepEqual(spec, { ports: [79, 80, 8080] });
  assert.deepEqual(status, {
    addresses: [
      { hostname: "My_api.v1.mesh", origin: "ServiceTag" },
      { hostname: "My.api.v1.mesh", origin: "ServiceTag" },
    ],
    vips: [{ ip: "240.0.0.0" }],
  });
  assert.equal(tagged(world, "w"), undefined, "it has no tag");

  const again = await world.restart();
  await world.put(dataplane("b", [inbound("b", 80)]));
  await again.naming.idle();
  assert.deepEqual(tagged(world, "My_api.v1")?.status, status);
  assert.deepEqual(vipsOf(tagged(world, "b") ?? {}), ["240.0.0.1"]);
});

test("a tag keeps its address for a while when its dataplanes or its use are gone", async (t) => {
  const world = await testNaming(t);
  await world.store.write([{ op: "put", resource: mesh("demo", "Disabled") }]);
  await world.put(dataplane("a-1", [inbound("api", 80)]), dataplane("b-1", [inbound("b", 80)]));
  await world.naming.idle();
  const vips = tagged(world, "b")?.status?.vips;
  await world.remove("Dataplane", "a-1");
  await world.store.write([{ op: "put", resource: mesh("demo", "Exclusive") }]);
  await world.naming.idle();
  await world.clock.pass(3_000_000);
  assert.deepEqual(tagged(world, "b")?.status?.vips, vips);
  await world.store.write([{ op: "put", resource: mesh("demo", "Disabled") }]);
  await world.naming.idle();
  assert.deepEqual(tagged(world, "b")?.labels, {});
  assert.deepEqual(tagged(world, "b")?.status?.vips, vips);
  await world.clock.pass(3_700_000);
  await world.naming.idle();
  assert.equal(tagged(world, "api"), undefined);
  assert.deepEqual(tagged(world, "b")?.status?.vips, vips);
  await world.store.write([{ op: "put", resource: mesh("demo", "Exclusive") }]);
  await world.naming.idle();
  await world.clock.pass(3_700_000);
  await world.naming.idle();
  assert.equal(tagged(world, "b"), undefined);
});

test("a freed address is not given again soon, not even after a restart", async (t) => {
  const world = await testNaming(t);
  await put(world, externalService("a"), externalService("b"));
  await world.naming.idle();
  await world.remove("MeshExternalService", "b");
  await world.naming.idle();
  const again = await world.restart();
  await put(world, externalService("c"));
  await again.naming.idle();
  assert.deepEqual(external(world, "c")?.status?.vip, { ip: "242.0.0.2" });
});

test("a copy of the documents in an empty store has the same addresses, and gives out others from there on", async (t) => {
  const world = await testNaming(t);
  await world.store.write([{ op: "put", resource: mesh("demo", "Everywhere") }]);
  const names = ["a", "b", "c"];
  await put(world, ...names.map((name) => externalService(name)), multiZoneService("m", {}));
  await world.put(...names.map((name) => dataplane(name, [inbound(name, 80)])));
  await world.naming.idle();
  await world.naming.stop();
  const read = (store: Store) => WATCHED_TYPES.flatMap((type) => store.list({ type }));
  const addresses = (store: Store) =>
    read(store).map(({ type, name, status }) => [type, name, vipsOf({ status })]);
  const copy = openMemoryStore({ now: world.clock.now });
  // Whoever copies a store does not know its order.
  const documents = read(world.store).filter(({ type }) => type !== VIP_TURNS);
  for (const resource of documents.toSorted((a, b) => a.type.length - b.type.length)) {
    await copy.write([{ op: "put", resource }]);
  }
  const naming = start(copy, world);
  t.after(() => naming.stop());
  await naming.idle();
  assert.deepEqual(
    addresses(copy).filter(([type]) => type !== VIP_TURNS),
    addresses(world.store).filter(([type]) => type !== VIP_TURNS),
  );
  await copy.write([{ op: "put", resource: externalService("d") }]);
  await naming.idle();
  const vips = ADDRESSED_TYPES.flatMap((type) => copy.list({ type })).flatMap(vipsOf);
  assert.equal(vips.length, 11);
  assert.equal(new Set(vips).size, 11);
});

test("two allocators on one store: at no time do two services have one address", async (t) => {
  const world = await testNaming(t);
  const other = start(world.store, world);
  t.after(() => other.stop());
  const holders = new Map<string, string>();
  world.store.watch((changes) => {
    for (const { before, after } of changes) {
      const { type, name } = after ?? (before as Resource);
      if (!ADDRESSED_TYPES.some((each) => each === type)) continue;
      for (const ip of vipsOf(before ?? {})) holders.delete(ip);
      for (const ip of after === undefined ? [] : vipsOf(after)) {
        assert.ok(!holders.has(ip), `${ip} is ${name}'s and ${holders.get(ip)}'s`);
        holders.set(ip, `${type}/${name}`);
      }
    }
  });
  for (let round = 0; round < 20; round++) {
    await Promise.all([
      put(world, ...[0, 1, 2].map((n) => externalService(`e-${round}-${n}`))),
      world.put(dataplane(`d-${round}`, [inbound(`s-${round}`, 80)])),
    ]);
    if (round % 3 === 2) await world.remove("MeshExternalService", `e-${round - 1}-0`);
    await Promise.all([world.naming.idle(), other.idle()]);
  }
  await world.clock.pass(20_000);
  await Promise.all([world.naming.idle(), other.idle()]);
  const services = ADDRESSED_TYPES.flatMap((type) => world.store.list({ type }));
  assert.equal(services.length, 20 + 60 - 6);
  assert.ok(services.every((service) => vipsOf(service).length === 1));
  assert.equal(holders.size, services.length);
  assert.deepEqual([...world.naming.problems(), ...other.problems()], []);
});

test("an address that somebody else's write has taken meanwhile is not given out", async (t) => {
  const world = await testNaming(t);
  await put(world, externalService("a"));
  await put(world, externalService("b", { status: { vip: { ip: "242.0.0.0" } } }));
  await world.naming.idle();
  assert.deepEqual(external(world, "b")?.status?.vip, { ip: "242.0.0.0" });
  assert.deepEqual(external(world, "a")?.status?.vip, { ip: "242.0.0.1" });
});

test("ranges that are exchanged: what lies in another's range is given up, what lies in nobody's is kept", async (t) => {
  const world = await testNaming(t);
  await put(world, externalService("e"), multiZoneService("m", {}));
  await world.naming.idle();
  await world.naming.stop();
  const exchanged = { ...VIP_CIDRS, MeshExternalService: "243.0.0.0/8", MeshMultiZoneService: "242.0.0.0/8" };
  const second = start(world.store, world, exchanged);
  await second.idle();
  await second.stop();
  assert.match(external(world, "e")?.status?.vip?.ip ?? "", /^243\./);
  assert.match(multiZone(world, "m")?.status?.vips?.[0]?.ip ?? "", /^242\./);
  const vip = external(world, "e")?.status?.vip;
  const elsewhere = { ...VIP_CIDRS, MeshExternalService: "10.1.0.0/16", TaggedService: "10.2.0.0/16" };
  const third = start(world.store, world, { ...elsewhere, MeshMultiZoneService: "10.3.0.0/16" });
  t.after(() => third.stop());
  await third.idle();
  assert.deepEqual(external(world, "e")?.status?.vip, vip);
});

test("each range that is used up is reported with its setting", async (t) => {
  const world = await testNaming(t, { vipCidrs: { ...VIP_CIDRS, MeshExternalService: "242.0.0.0/32" } });
  await put(world, externalService("a"), externalService("b"));
  await world.naming.idle();
  const [problem, ...more] = world.naming.problems();
  assert.deepEqual(more, []);
  assert.equal(problem?.type, "MeshExternalService");
  assert.match(problem?.message ?? "", /ipam\.meshExternalService\.cidr is used up/);
  await world.remove("MeshExternalService", "a");
  await world.naming.idle();
  assert.deepEqual(external(world, "b")?.status?.vip, { ip: "242.0.0.0" });
  assert.deepEqual(world.naming.problems(), []);
});

function start(store: Store, { clock }: TestNaming, vipCidrs = VIP_CIDRS) {
  return startNaming({
    ...{ store, clock, vipCidrs, settings: SETTINGS },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    connected: () => true,
    identitiesOf: ({ name }) => [`spiffe://demo/${name}`],
    acceptsTls: () => true,
  });
}
