import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { applied, documents, meshYaml, policy, resource } from "./scene.ts";
import { answeredOnlyBy, asker, tally } from "./who-answers.ts";

const NEAR = ["near-1", "near-2"] as const;
const CHECK = {
  interval: "200ms",
  noTrafficInterval: "200ms",
  timeout: "5s",
  unhealthyThreshold: 2,
  healthyThreshold: 1,
  http: { path: "/healthz", expectedStatuses: [200] },
};
const TO = { kind: "MeshService", name: "everywhere" };

const checks = (conf: object = {}): string =>
  policy("MeshHealthCheck", "checks", { to: [{ targetRef: TO, default: { ...CHECK, ...conf } }] });
const failover = (percentage: number): string =>
  policy("MeshLoadBalancingStrategy", "far", {
    to: [
      {
        targetRef: TO,
        default: {
          localityAwareness: {
            crossZone: { failover: [{ to: { type: "Any" } }], failoverThreshold: { percentage } },
          },
        },
      },
    ],
  });

test("what is done when instances of the own zone are not well", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    const address = (host: number): string => world.site.block.address(host);
    await world.apply(
      documents(
        meshYaml(),
        resource("MeshService", "everywhere", {
          spec: {
            selector: { dataplaneLabels: { matchLabels: { everywhere: "yes" } } },
            ports: [{ port: 8080, targetPort: 8080, appProtocol: "http" }],
          },
        }),
      ),
    );
    const [, ...near] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "everywhere", port: 10_001 }],
      }),
      ...NEAR.map((instance, n) =>
        world.startService({ service: "near", instance, host: 21 + n, labels: { everywhere: "yes" } }),
      ),
      world.startService({ service: "far", host: 31 }),
    ]);
    const client = asker(`http://${address(11)}:10001`);
    t.after(() => client.close());
    const who = async (): Promise<string> => (await client.ask()).instance;
    const health = async (n: number, isWell: boolean): Promise<void> => {
      await fetch(`${near[n]?.app.url}/health?status=${isWell ? 200 : 503}`);
    };
    await applied(world, checks());
    await answeredOnlyBy(NEAR, who);

    await t.test("when nobody is well everybody is asked, or nobody if the policy says so", async () => {
      await Promise.all([health(0, false), health(1, false)]);
      // Envoy's own sense of it: with nobody well it may be the check that is wrong.
      await answeredOnlyBy(NEAR, who);
      await applied(world, checks({ failTrafficOnPanic: true }));
      await until("calls are refused", async () => (await client.ask()).status === 503);
      const statuses = new Set<number>();
      for (let i = 0; i < 30; i++) statuses.add((await client.ask()).status);
      assert.deepEqual([...statuses], [503]);
      await applied(world, checks());
      await answeredOnlyBy(NEAR, who);
      await Promise.all([health(0, true), health(1, true)]);
      await answeredOnlyBy(NEAR, who);
    });

    await t.test("the threshold decides how much goes to other zones while some are not well", async () => {
      const far = resource("Dataplane", "far-west", {
        labels: { everywhere: "yes", "kuma.io/origin": "global", "kuma.io/zone": "west" },
        networking: { address: address(31), inbound: [{ port: 8080, protocol: "http" }] },
      });
      await applied(world, documents(far, failover(100)));
      await answeredOnlyBy(NEAR, who);
      await health(0, false);
      // Half of them are well, so with a threshold of all of them half of the traffic leaves.
      await answeredOnlyBy(["near-2", "far"], who);
      const counts = await tally(600, who);
      const left = counts.get("far") ?? 0;
      assert.ok(Math.abs(left - 300) <= 5 * Math.sqrt(600 / 4), `${left} of 600 left the zone`);
      // With a threshold of a half they are enough.
      await applied(world, failover(50));
      await answeredOnlyBy(["near-2"], who);
      await health(1, false);
      await answeredOnlyBy(["far"], who);
    });
  });
});
