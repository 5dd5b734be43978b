import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, Store, Write } from "../store/store.ts";
import { StoreError } from "../store/store.ts";
import { vipsOf } from "./addressed.ts";
import { startNaming } from "./run.ts";
import { testNaming, VIP_CIDRS } from "./testing/naming-world.ts";
import { dataplane, generator, inbound, mesh, SETTINGS, stored, userService } from "./testing/resources.ts";

const api = (name: string, port = 80) => dataplane(name, [inbound("api", port)]);

function watchServices(store: Store): Change[] {
  const seen: Change[] = [];
  store.watch((changes) =>
    seen.push(...changes.filter(({ before, after }) => (after ?? before)?.type === "MeshService")),
  );
  return seen;
}

test("a dataplane's service appears complete, in one write", async (t) => {
  const world = await testNaming(t);
  const seen = watchServices(world.store);
  await world.put(api("a-1"));
  await world.naming.idle();
  assert.equal(seen.length, 1);
  assert.deepEqual(world.service("api")?.status, {
    addresses: [
      {
        hostname: "api.svc.mesh.local",
        origin: "HostnameGenerator",
        hostnameGeneratorRef: { coreName: "local-universal-mesh-service" },
      },
    ],
    hostnameGenerators: [
      {
        hostnameGeneratorRef: { coreName: "local-universal-mesh-service" },
        conditions: [{ type: "Generated", status: "True", reason: "Generated", message: "" }],
      },
    ],
    vips: [{ ip: "241.0.0.0" }],
    tls: { status: "NotReady" },
    dataplaneProxies: { connected: 1, healthy: 1, total: 1 },
  });
  assert.equal(world.service("api")?.spec.state, "Available");
  assert.deepEqual(world.naming.problems(), []);
});

test("what is there already is left alone: after a restart, and when woken", async (t) => {
  const world = await testNaming(t);
  await world.put(
    api("a-1"),
    dataplane("j", [inbound(undefined, 80)], { labels: { "kuma.io/workload": "job" } }),
  );
  await world.naming.idle();
  const revision = world.store.revision;
  world.naming.wake("demo");
  await world.naming.idle();
  const again = await world.restart();
  await again.naming.idle();
  assert.equal(world.store.revision, revision);
  assert.ok(world.workload("job"));
  await world.put(dataplane("n", [inbound("new", 80)]));
  await again.naming.idle();
  assert.deepEqual(world.service("new")?.status?.vips, [{ ip: "241.0.0.2" }]);
});

test("changed ports and a return within the grace period keep the address; after it the service goes", async (t) => {
  const world = await testNaming(t);
  await world.put(api("a-1"), api("a-2"));
  await world.naming.idle();
  const vips = world.service("api")?.status?.vips;
  await world.put(api("a-1", 81), api("a-2", 81));
  await world.naming.idle();
  assert.equal(world.service("api")?.spec.ports?.[0]?.port, 81);
  assert.deepEqual(world.service("api")?.status?.vips, vips);

  await world.remove("Dataplane", "a-1");
  await world.remove("Dataplane", "a-2");
  await world.naming.idle();
  assert.ok(world.service("api")?.labels["kuma.io/deletion-grace-period-started-at"]);
  assert.equal(world.service("api")?.spec.state, "Unavailable");
  await world.clock.pass(3_000_000);
  await world.put(api("a-3", 81));
  await world.naming.idle();
  assert.equal(world.service("api")?.labels["kuma.io/deletion-grace-period-started-at"], undefined);
  assert.deepEqual(world.service("api")?.status?.vips, vips);

  await world.remove("Dataplane", "a-3");
  await world.naming.idle();
  await world.clock.pass(3_599_000);
  assert.ok(world.service("api"));
  await world.clock.pass(2_000);
  await world.naming.idle();
  assert.equal(world.service("api"), undefined);
});

test("a grace period goes on over a restart", async (t) => {
  const world = await testNaming(t);
  await world.put(api("a-1"));
  await world.naming.idle();
  await world.remove("Dataplane", "a-1");
  await world.naming.idle();
  await world.naming.stop();
  await world.clock.pass(3_600_000);
  assert.ok(world.service("api"));
  const again = await world.restart();
  await again.naming.idle();
  assert.equal(world.service("api"), undefined);
});

test("a user's service of the same name is reported until it goes; then the generator's comes", async (t) => {
  const world = await testNaming(t);
  await world.store.write([{ op: "put", resource: userService("api") }]);
  await world.put(api("a-1"));
  await world.naming.idle();
  assert.deepEqual(
    world.naming.problems().map(({ reason, name }) => [reason, name]),
    [["NameTaken", "api"]],
  );
  assert.equal(world.logged.length, 1);
  assert.equal(world.service("api")?.labels["kuma.io/managed-by"], undefined);
  assert.ok(world.service("api")?.status?.vips, "a user's service has an address too");
  await world.put(api("a-2"));
  await world.naming.idle();
  assert.equal(world.logged.length, 1);
  await world.remove("MeshService", "api");
  await world.naming.idle();
  assert.equal(world.service("api")?.labels["kuma.io/managed-by"], "meshservice-generator");
  assert.deepEqual(world.naming.problems(), []);
});

test("hostnames follow the generators, and pass on when their owner goes", async (t) => {
  const world = await testNaming(t);
  await world.store.write([
    { op: "put", resource: generator("team", '{{ label "team" }}.local', { team: "core" }) },
    { op: "put", resource: userService("first", {}, { labels: { team: "core" } }) },
    { op: "put", resource: userService("second", {}, { labels: { team: "core" } }) },
  ]);
  await world.naming.idle();
  const reason = (name: string) =>
    world.service(name)?.status?.hostnameGenerators?.[0]?.conditions?.[0]?.reason;
  assert.deepEqual([reason("first"), reason("second")], ["Generated", "Collision"]);
  await world.remove("MeshService", "first");
  await world.naming.idle();
  assert.equal(reason("second"), "Generated");
  await world.store.write([{ op: "delete", key: { type: "HostnameGenerator", mesh: "", name: "team" } }]);
  await world.naming.idle();
  assert.equal(world.service("second")?.status?.addresses, undefined);
});

test("a contested hostname is its owner's by the times of the store, even if the clock was set back", async (t) => {
  for (const setBackMs of [0, 1_000]) {
    const world = await testNaming(t);
    const hostnames = (name: string) => world.service(name)?.status?.addresses?.map((each) => each.hostname);
    await world.store.write([
      { op: "put", resource: generator("one", "one.local", { "kuma.io/origin": "zone" }) },
    ]);
    await world.put(dataplane("w", [inbound("web", 80)]));
    await world.naming.idle();
    assert.deepEqual(hostnames("web"), ["web.svc.mesh.local", "one.local"]);
    world.clock.jump(-setBackMs);
    await world.put(api("a-1"));
    await world.naming.idle();
    assert.deepEqual(hostnames("api"), ["api.svc.mesh.local", "one.local"]);
    assert.deepEqual(hostnames("web"), ["web.svc.mesh.local"]);
  }
});

test("a mesh that turns MeshServices off loses the generated ones; a deleted mesh leaves nothing to do", async (t) => {
  const world = await testNaming(t);
  await world.put(api("a-1"));
  await world.store.write([{ op: "put", resource: userService("mine") }]);
  await world.naming.idle();
  await world.store.write([{ op: "put", resource: mesh("demo", "Disabled") }]);
  await world.naming.idle();
  assert.equal(world.service("api"), undefined);
  assert.ok(world.service("mine"));
  await world.store.write([{ op: "put", resource: mesh("demo", "Everywhere") }]);
  await world.naming.idle();
  assert.ok(world.service("api"));
  await world.remove("Mesh", "demo");
  await world.naming.idle();
  assert.deepEqual(world.store.list({ type: "MeshService" }), []);
  assert.deepEqual(world.naming.problems(), []);
});

test("counts wait; availability does not", async (t) => {
  const world = await testNaming(t, { countsMs: 1_000 });
  await world.put(api("a-1"), api("a-2"));
  await world.naming.idle();
  world.down.add("a-1");
  world.naming.wake("demo", "a-1");
  const connected = () => world.service("api")?.status?.dataplaneProxies?.connected;
  await world.clock.pass(900);
  assert.equal(connected(), 2);
  await world.clock.pass(200);
  assert.equal(connected(), 1);
  await world.put(dataplane("a-1", [inbound("api", 80, { state: "NotReady" })]));
  await world.put(dataplane("a-2", [inbound("api", 80, { state: "NotReady" })]));
  await world.clock.pass(300);
  assert.equal(world.service("api")?.spec.state, "Unavailable");
});

test("an insight that tells of a connection wakes the proxy's service", async (t) => {
  const world = await testNaming(t);
  await world.put(api("a-1"));
  await world.naming.idle();
  world.down.add("a-1");
  const insight = { type: "DataplaneInsight", mesh: "demo", name: "a-1", labels: {} };
  const subscriptions = [{ id: "1", connectTime: "2026-01-01T00:00:00Z" }];
  await world.store.write([{ op: "put", resource: { ...insight, spec: { subscriptions } } }]);
  await world.naming.idle();
  assert.equal(world.service("api")?.status?.dataplaneProxies?.connected, 0);
});

test("a mesh identity makes services ready for TLS", async (t) => {
  const world = await testNaming(t);
  await world.put(api("a-1"));
  await world.naming.idle();
  assert.equal(world.service("api")?.status?.tls?.status, "NotReady");
  const identity = stored({ type: "MeshIdentity", mesh: "demo", name: "id", labels: {}, spec: {} });
  await world.store.write([{ op: "put", resource: identity }]);
  await world.naming.idle();
  assert.equal(world.service("api")?.status?.tls?.status, "Ready");
});

test("a user's write in between is neither lost nor an error", async (t) => {
  let races = 0;
  const wrap = (store: Store): Store => ({
    ...passThrough(store),
    async write(writes: readonly Write[]) {
      const service = store.get({ type: "MeshService", mesh: "demo", name: "api" });
      const isOurs = writes.some((write) => write.op === "update" && write.resource.name === "api");
      if (service !== undefined && isOurs && races < 3) {
        races++;
        const labels = { ...service.labels, note: `${races}` };
        await store.write([{ op: "update", resource: { ...service, labels }, ifRevision: service.revision }]);
      }
      return store.write(writes);
    },
  });
  const world = await testNaming(t, { wrap });
  await world.put(api("a-1"));
  await world.naming.idle();
  await world.put(api("a-1", 81), dataplane("w", [inbound("web", 80)]));
  await world.naming.idle();
  assert.equal(races, 3);
  assert.equal(world.service("api")?.labels.note, "3");
  assert.equal(world.service("api")?.spec.ports?.[0]?.port, 81);
  assert.ok(world.service("web"));
  assert.deepEqual(world.naming.problems(), []);
  assert.deepEqual(world.logged, []);
});

test("one document that somebody changes meanwhile does not make others wait or go one by one", async (t) => {
  let races = 0;
  const sizes: number[] = [];
  const wrap = (store: Store): Store => ({
    ...passThrough(store),
    async write(writes: readonly Write[]) {
      sizes.push(writes.length);
      const service = store.get({ type: "MeshService", mesh: "demo", name: "user-7" });
      if (service !== undefined && races < 1 && writes.length > 5) {
        races++;
        await store.write([{ op: "put", resource: { ...service, labels: { note: "mine" } } }]);
      }
      return store.write(writes);
    },
  });
  const world = await testNaming(t, { wrap });
  await world.store.write(
    Array.from({ length: 20 }, (_, n) => ({ op: "put" as const, resource: userService(`user-${n}`) })),
  );
  await world.naming.idle();
  assert.equal(races, 1);
  assert.deepEqual(sizes, [21, 20, 2], "all with the turns; again without the changed one; that one alone");
  assert.equal(world.service("user-7")?.labels.note, "mine");
  assert.ok(world.store.list({ type: "MeshService" }).every((service) => vipsOf(service).length === 1));
  assert.deepEqual(world.naming.problems(), []);
});

test("a store that cannot write is reported and tried again", async (t) => {
  let isFull = true;
  const wrap = (store: Store): Store => ({
    ...passThrough(store),
    write: (writes) =>
      isFull ? Promise.reject(new StoreError("unavailable", "disk full")) : store.write(writes),
  });
  const world = await testNaming(t, { wrap });
  await world.put(api("a-1"), dataplane("w", [inbound("web", 80)]));
  await world.naming.idle();
  assert.match(world.naming.problems()[0]?.message ?? "", /disk full/);
  assert.equal(world.naming.problems().length, 2);
  assert.equal(world.logged.length, 1);
  isFull = false;
  await world.clock.pass(2_000);
  await world.naming.idle();
  assert.deepEqual(world.service("api")?.status?.vips, [{ ip: "241.0.0.0" }]);
  assert.ok(world.service("web"));
  assert.deepEqual(world.naming.problems(), []);
});

test("a defect that concerns one service does not hold up the others", async (t) => {
  let isBroken = true;
  const world = await testNaming(t, {
    identitiesOf: ({ name }) => {
      if (isBroken && name === "a-1") throw new Error("broken");
      return [];
    },
  });
  await world.put(api("a-1"), dataplane("w", [inbound("web", 80)]));
  await world.naming.idle();
  assert.ok(world.service("web"));
  assert.equal(world.naming.problems()[0]?.reason, "Internal");
  isBroken = false;
  await world.clock.pass(5_000);
  await world.naming.idle();
  assert.ok(world.service("api"));
  assert.deepEqual(world.naming.problems(), []);
});

test("a used-up range is reported; a freed address goes to who waits", async (t) => {
  const world = await testNaming(t, { vipCidrs: { ...VIP_CIDRS, MeshService: "241.0.0.0/31" } });
  await world.put(...["a", "b", "c"].map((name) => dataplane(name, [inbound(name, 80)])));
  await world.naming.idle();
  assert.deepEqual(
    world.naming.problems().map(({ reason, name }) => [reason, name]),
    [["AddressesExhausted", "c"]],
  );
  await world.store.write([
    { op: "delete", key: { type: "Dataplane", mesh: "demo", name: "a" } },
    { op: "delete", key: { type: "MeshService", mesh: "demo", name: "a" } },
  ]);
  await world.naming.idle();
  assert.deepEqual(world.service("c")?.status?.vips, [{ ip: "241.0.0.0" }]);
  assert.deepEqual(world.naming.problems(), []);
});

test("two services with one stored address: the older keeps it", async (t) => {
  const world = await testNaming(t);
  await world.naming.stop();
  const status = { vips: [{ ip: "241.0.0.5" }] };
  await world.store.write([{ op: "put", resource: userService("z-old", {}, { status }) }]);
  world.clock.jump(1_000);
  await world.store.write([{ op: "put", resource: userService("a-young", {}, { status }) }]);
  const again = await world.restart();
  await again.naming.idle();
  assert.deepEqual(world.service("z-old")?.status?.vips, status.vips);
  assert.deepEqual(world.service("a-young")?.status?.vips, [{ ip: "241.0.0.6" }]);
});

test("at rest there are no timers, and after stop nothing is written", async (t) => {
  const world = await testNaming(t);
  await world.put(api("a-1"));
  await world.naming.idle();
  await world.clock.pass(5_000);
  assert.equal(world.clock.timers, 0);
  await world.naming.stop();
  await world.put(dataplane("w", [inbound("web", 80)]));
  await world.clock.pass(5_000);
  assert.equal(world.service("web"), undefined);
});

test("on Kubernetes nothing is generated or deleted, but services still get their status", async (t) => {
  const { context } = SETTINGS;
  const settings = { ...SETTINGS, context: { ...context, environment: "kubernetes" as const } };
  const world = await testNaming(t, { settings });
  const labels = { "kuma.io/managed-by": "meshservice-generator" };
  const workload = stored({ type: "Workload", mesh: "demo", name: "job", labels: {}, spec: {} });
  await world.store.write([
    { op: "put", resource: userService("web", {}, { labels }) },
    { op: "put", resource: workload },
  ]);
  await world.put(api("a-1"));
  await world.naming.idle();
  assert.equal(world.service("api"), undefined);
  assert.ok(world.service("web")?.status?.vips);
  assert.ok(world.workload("job"));
});

test("an address range that is none is refused with its setting", async (t) => {
  const { store, clock } = await testNaming(t);
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const facts = { connected: () => true, identitiesOf: () => [], acceptsTls: () => true };
  const start = (vipCidrs: Partial<typeof VIP_CIDRS>) =>
    startNaming({
      ...{ store, clock, log, ...facts, vipCidrs: { ...VIP_CIDRS, ...vipCidrs }, settings: SETTINGS },
    });
  assert.throws(() => start({ MeshService: "fd00::/8" }), /ipam\.meshService\.cidr is fd00::\/8/);
  assert.throws(() => start({ TaggedService: "240.0.0.0" }), /dnsServer\.CIDR is 240\.0\.0\.0, but must/);
  assert.throws(
    () => start({ MeshMultiZoneService: "242.7.0.0/16" }),
    /ipam\.meshMultiZoneService\.cidr is 242\.7\.0\.0\/16, which overlaps with ipam\.meshExternalService\.cidr/,
  );
});

function passThrough(store: Store): Store {
  return {
    get revision() {
      return store.revision;
    },
    get: (key) => store.get(key),
    list: (listing) => store.list(listing),
    write: (writes) => store.write(writes),
    watch: (listener) => store.watch(listener),
    close: () => store.close(),
  };
}
