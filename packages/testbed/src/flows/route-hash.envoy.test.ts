import assert from "node:assert/strict";
import { test } from "node:test";
import { withWorld } from "../world/world.ts";
import { applied, documents, meshYaml, policy } from "./scene.ts";
import { answeredOnlyBy, asker } from "./who-answers.ts";

const INSTANCES = ["check-in-api-1", "check-in-api-2", "check-in-api-3"] as const;
const VALUES = Array.from({ length: 40 }, (_, i) => `passenger-${i}`);
const header = (name: string): object => ({ type: "Header", header: { name } });

test("the requests of one route are told apart by a header of its own", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(meshYaml());
    await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "check-in-api", port: 10_001 }],
      }),
      ...INSTANCES.map((instance, n) =>
        world.startService({ service: "check-in-api", instance, host: 21 + n }),
      ),
    ]);
    const client = asker(`http://${world.site.block.address(11)}:10001`);
    t.after(() => client.close());
    /** Who answers each value, three times over; undefined for one that several answer. */
    const homes = async (path: string, name: string): Promise<ReadonlyMap<string, string | undefined>> => {
      const found = new Map<string, string | undefined>();
      for (let round = 0; round < 3; round++) {
        for (const value of VALUES) {
          const { instance } = await client.ask(path, { headers: { [name]: value } });
          found.set(value, round === 0 || found.get(value) === instance ? instance : undefined);
        }
      }
      return found;
    };
    const isSticky = (found: ReadonlyMap<string, string | undefined>): void => {
      assert.ok([...found.values()].every((home) => home !== undefined));
      assert.deepEqual([...new Set(found.values())].sort(), INSTANCES);
    };
    const wanders = (found: ReadonlyMap<string, string | undefined>): void =>
      assert.ok([...found.values()].some((home) => home === undefined));

    await answeredOnlyBy(INSTANCES, async () => (await client.ask()).instance);
    const to = { kind: "MeshService", name: "check-in-api" };
    const seats = [{ matches: [{ path: { type: "PathPrefix", value: "/seats" } }], default: {} }];
    await applied(
      world,
      documents(
        policy("MeshHTTPRoute", "seats", { to: [{ targetRef: to, rules: seats }] }),
        policy("MeshLoadBalancingStrategy", "ring", {
          to: [
            {
              targetRef: to,
              default: { loadBalancer: { type: "RingHash" }, hashPolicies: [header("x-passenger")] },
            },
          ],
        }),
        policy("MeshLoadBalancingStrategy", "seats", {
          to: [
            {
              targetRef: { kind: "MeshHTTPRoute", name: "seats" },
              default: { hashPolicies: [header("x-flight")] },
            },
          ],
        }),
      ),
    );
    isSticky(await homes("/", "x-passenger"));
    wanders(await homes("/", "x-flight"));
    isSticky(await homes("/seats/1", "x-flight"));
    wanders(await homes("/seats/1", "x-passenger"));
  });
});
