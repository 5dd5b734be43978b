import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { freeze } from "./frozen.ts";
import { MESH, openMeshYaml } from "./scene.ts";
import { answeredOnlyBy, asker, tally } from "./who-answers.ts";

const BOTH = ["check-in-api-1", "check-in-api-2"] as const;

test("an instance that leaves a new control plane waits for clients that have not come back to it", async (t) => {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(openMeshYaml());
    const [portal, first] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: [{ service: "check-in-api", port: 10_001 }],
      }),
      ...BOTH.map((instance, n) =>
        world.startService({ service: "check-in-api", instance, host: 21 + n, drainTime: "40s" }),
      ),
    ]);
    assert.ok(first !== undefined);
    const client = asker(`http://${world.site.block.address(11)}:10001`);
    t.after(() => client.close());
    const who = async (): Promise<string> => (await client.ask()).instance;
    await answeredOnlyBy(BOTH, who);
    // Connections are written down half a second after they come about.
    await until("the client's connection is in the store", async () => {
      const answer = await fetch(
        `${world.controlPlane.api}/meshes/${MESH}/dataplanes/passenger-portal/_overview`,
      );
      return (await answer.text()).includes('"connectTime"');
    });

    await world.killControlPlane();
    let isBack = false;
    const away = freeze(portal.sidecar, 8_000).then(() => {
      isBack = true;
    });
    await world.startControlPlane();
    const exit = await first.sidecar.child.stop(60_000);
    assert.deepEqual(exit, { code: 0, signal: null }, first.sidecar.child.tail());
    assert.ok(isBack, "it went while a client did not know");
    await away;
    assert.deepEqual([...(await tally(40, who))], [["check-in-api-2", 40]]);
  });
});
