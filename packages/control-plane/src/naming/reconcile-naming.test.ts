import assert from "node:assert/strict";
import { test } from "node:test";
import { isIpv4, type MeshServiceResource } from "@skein/model";
import fc from "fast-check";
import type { Write } from "../store/store.ts";
import { reconcileNaming } from "./reconcile-naming.ts";
import { testNaming } from "./testing/naming-world.ts";
import { dataplane, generator, inbound, mesh, stored, testWorld, userService } from "./testing/resources.ts";
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
const generatorWrite = fc.constantFrom("fixed.local", "{{ .Name }}.{{ .Mesh }}.local").map(
  (template): Write => ({
    op: "put",
    resource: generator("team", template, { "kuma.io/origin": "zone" }),
  }),
);
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
  )
  .map(([type, name]): Write => ({ op: "delete", key: { type, mesh: "demo", name } }));
/** Stores may stamp a later resource with the same time as an earlier one, or, when the clock is set back, an earlier. */
const time = fc.constantFrom({ pass: 1 }, { pass: 1_000 }, { jump: -5 });
const change = fc.oneof(
  { weight: 8, arbitrary: dataplaneWrite },
  { weight: 2, arbitrary: serviceWrite },
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

      const services = store.list<MeshServiceResource>({ type: "MeshService" });
      const vips = services.map(({ status }) => status?.vips?.[0]?.ip ?? "");
      assert.ok(vips.every(isIpv4));
      assert.equal(new Set(vips).size, vips.length);
      const hostnames = services.flatMap(
        ({ status }) => status?.addresses?.map(({ hostname }) => hostname) ?? [],
      );
      assert.equal(new Set(hostnames).size, hostnames.length);
      await naming.stop();
    }),
    { numRuns: 200 },
  );
});

test("the same contents give the same writes, in whatever order they are told", () => {
  const dataplanes = NAMES.map((name, i) => dataplane(name, [inbound(["api", "web"][i % 2], 80)]));
  const contents = [stored(mesh("demo")), generator("g", "{{ .Name }}.local"), ...dataplanes];
  const first = reconcileNaming(contents, testWorld(), 0);
  assert.equal(first.writes.length, 2);
  assert.deepEqual(reconcileNaming(contents.toReversed(), testWorld(), 0), first);
});
