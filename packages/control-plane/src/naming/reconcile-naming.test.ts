import assert from "node:assert/strict";
import { test } from "node:test";
import { isIpv4, type MeshMultiZoneServiceResource } from "@skein/model";
import fc from "fast-check";
import { openMemoryStore } from "../store/memory.ts";
import type { Write } from "../store/store.ts";
import { ADDRESSED_TYPES, type AddressedStatus, vipsOf } from "./addressed.ts";
import { reconcileNaming } from "./reconcile-naming.ts";
import { testNaming } from "./testing/naming-world.ts";
import {
  dataplane,
  externalService,
  generator,
  inbound,
  mesh,
  multiZoneService,
  stored,
  testWorld,
  userService,
} from "./testing/resources.ts";
import { WATCHED_TYPES } from "./zone-naming.ts";

const SERVICES = ["api", "web", "my_service"];
const NAMES = ["d1", "d2", "d3", "d4"];

const dataplaneWrite = fc
  .record({
    name: fc.constantFrom(...NAMES),
    tag: fc.constantFrom(...SERVICES, undefined),
    workload: fc.constantFrom("api", "job", undefined),
    port: fc.constantFrom(80, 81),
    state: fc.constantFrom("Ready" as const, "NotReady" as const),
  })
  .map(({ name, tag, workload, port, state }): Write => {
    const labels = workload === undefined ? {} : { "kuma.io/workload": workload };
    return { op: "put", resource: dataplane(name, [inbound(tag, port, { state })], { labels }) };
  });
const serviceWrite = fc
  .record({ name: fc.constantFrom("api", "web"), team: fc.constantFrom("x", "y") })
  .map(({ name, team }): Write => {
    const selector = { dataplaneTags: { "kuma.io/service": "api" } };
    const ports = [{ port: 80, targetPort: 80, appProtocol: "tcp" }];
    return {
      op: "put",
      resource: userService(name, { selector, ports }, { labels: { team, "kuma.io/origin": "zone" } }),
    };
  });
const externalWrite = fc
  .record({ name: fc.constantFrom("api", "db"), team: fc.constantFrom("x", "y") })
  .map(({ name, team }): Write => ({ op: "put", resource: externalService(name, { labels: { team } }) }));
const multiZoneWrite = fc
  .record({
    name: fc.constantFrom("api", "all"),
    matchLabels: fc.constantFrom<Record<string, string>>(
      {},
      { team: "x" },
      { "kuma.io/display-name": "api" },
    ),
  })
  .map(({ name, matchLabels }): Write => ({ op: "put", resource: multiZoneService(name, matchLabels) }));
const generatorWrite = fc
  .record({
    name: fc.constantFrom("team", "other"),
    of: fc.constantFrom("meshService", "meshExternalService", "meshMultiZoneService"),
    template: fc.constantFrom("fixed.local", "{{ .Name }}.{{ .Mesh }}.local", "{{ .Name }}.mesh"),
  })
  .map(({ name, of, template }): Write => {
    const spec = { selector: { [of]: { matchLabels: {} } }, template };
    return { op: "put", resource: generator(name, template, {}, { spec }) };
  });
const meshWrite = fc
  .constantFrom("Disabled", "Exclusive", "Everywhere")
  .map((mode): Write => ({ op: "put", resource: mesh("demo", mode) }));
const identityWrite = fc.constant<Write>({
  op: "put",
  resource: stored({ type: "MeshIdentity", mesh: "demo", name: "id", labels: {}, spec: {} }),
});
const removal = fc
  .constantFrom(
    ...NAMES.map((name) => ["Dataplane", name] as const),
    ...["api", "web"].map((name) => ["MeshService", name] as const),
    ["MeshIdentity", "id"] as const,
    ["Workload", "job"] as const,
    ["MeshExternalService", "api"] as const,
    ["MeshMultiZoneService", "all"] as const,
    ["TaggedService", "my_service"] as const,
  )
  .map(([type, name]): Write => ({ op: "delete", key: { type, mesh: "demo", name } }));
/** Stores may stamp a later resource with the same time as an earlier one, or, when the clock is set back, an earlier. */
const time = fc.constantFrom({ pass: 1 }, { pass: 1_000 }, { jump: -5 });
const change = fc.oneof(
  { weight: 8, arbitrary: dataplaneWrite },
  { weight: 2, arbitrary: serviceWrite },
  { weight: 2, arbitrary: externalWrite },
  { weight: 2, arbitrary: multiZoneWrite },
  { weight: 1, arbitrary: generatorWrite },
  { weight: 1, arbitrary: meshWrite },
  { weight: 1, arbitrary: identityWrite },
  { weight: 5, arbitrary: removal },
);

test("change by change or from scratch: the store comes to the same, and has nothing left to do", async (t) => {
  const steps = fc.array(
    fc.oneof(
      { weight: 19, arbitrary: change },
      { weight: 5, arbitrary: fc.constant("settle" as const) },
      { weight: 2, arbitrary: time },
    ),
    { maxLength: 25 },
  );
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(0, 3_600_000), async (all, deletionGracePeriodMs) => {
      const settings = { ...testWorld().settings, deletionGracePeriodMs };
      const { store, naming, clock } = await testNaming(t, { settings });
      clock.jump(500);
      for (const step of all) {
        if (step === "settle") await naming.idle();
        else if ("pass" in step) await clock.pass(step.pass);
        else if ("jump" in step) clock.jump(step.jump);
        else if (step.op !== "delete" || store.get(step.key) !== undefined) {
          await store.write([step]).catch(() => undefined);
        }
      }
      await naming.idle();
      const contents = WATCHED_TYPES.flatMap((type) => store.list({ type }));
      const { writes, problems } = reconcileNaming(contents, testWorld({ settings }), clock.now());
      assert.deepEqual(writes, []);
      assert.deepEqual(problems, naming.problems());
      const migrated = openMemoryStore({ now: clock.now });
      await migrated.write(contents.map((resource) => ({ op: "put", resource })));
      const there = WATCHED_TYPES.flatMap((type) => migrated.list({ type }));
      const moved = reconcileNaming(there, testWorld({ settings }), clock.now()).writes;
      assert.ok(moved.every(keepsAddress), "a copy in another store keeps the addresses");

      const services = ADDRESSED_TYPES.flatMap((type) => store.list({ type }));
      const vips = services.map((service) => vipsOf(service)[0] ?? "");
      assert.ok(vips.every(isIpv4));
      assert.equal(new Set(vips).size, vips.length);
      for (const { spec, status } of store.list<MeshMultiZoneServiceResource>({
        type: "MeshMultiZoneService",
      })) {
        const wanted = Object.entries(spec.selector.meshService.matchLabels ?? {});
        const matched = store
          .list({ type: "MeshService" })
          .map(({ name, labels }) => ({ "kuma.io/display-name": name, ...labels }) as Record<string, string>)
          .filter((labels) => wanted.every(([key, value]) => labels[key] === value))
          .map((labels) => labels["kuma.io/display-name"]);
        assert.deepEqual(status?.meshServices?.map(({ name }) => name) ?? [], matched.sort());
      }
      const hostnames = services.flatMap(
        ({ status }) => (status as AddressedStatus).addresses?.map(({ hostname }) => hostname) ?? [],
      );
      assert.equal(new Set(hostnames).size, hostnames.length);
      await naming.stop();
    }),
    { numRuns: 200 },
  );
});

/** Whether what is written has the address that the store has for it. */
function keepsAddress(write: Write): boolean {
  return write.op === "update" && vipsOf(write.resource).length > 0;
}

test("the same contents give the same writes, in whatever order they are told", () => {
  const dataplanes = NAMES.map((name, i) => dataplane(name, [inbound(["api", "web"][i % 2], 80)]));
  const contents = [stored(mesh("demo")), generator("g", "{{ .Name }}.local"), ...dataplanes];
  const first = reconcileNaming(contents, testWorld(), 0);
  assert.equal(first.writes.length, 2);
  assert.deepEqual(reconcileNaming(contents.toReversed(), testWorld(), 0), first);
});
