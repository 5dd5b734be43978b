import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { launcherMetadata, startFleet } from "../../../../bench/xds-client/client.ts";
import { MESH_YAML } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { createApi, listAt } from "./testing/api.ts";
import { simulatedDataplane } from "./testing/simulated.ts";

const OUT = { state: "NotReady", health: { ready: false } };
const HELD = { state: "NotReady" };

test("without health discovery, a Dataplane made by hand is ready again with its next proxy", async () => {
  await withWorld(async (world) => {
    await world.startControlPlane({ KUMA_DP_SERVER_HDS_ENABLED: "false" });
    const api = createApi(world.controlPlane.api);
    await world.apply(MESH_YAML);
    const { mesh } = world;
    const { networking, ...rest } = simulatedDataplane(mesh, "by-hand") as { networking: object };
    const inbounds = listAt(networking, "inbound");
    const left = inbounds.flatMap((each) => [
      { ...Object(each), ...OUT },
      { ...Object(each), port: 8081, ...HELD },
    ]);
    await world.apply(JSON.stringify({ ...rest, networking: { ...networking, inbound: left } }));
    const states = async () =>
      listAt(await api.get(`/meshes/${mesh}/dataplanes/by-hand`), "networking", "inbound").map((each) => {
        const { state, health } = each as { state?: string; health?: { ready?: boolean } };
        return [state, health?.ready];
      });
    const before = [
      ["NotReady", false],
      ["NotReady", undefined],
    ];
    assert.deepEqual(await states(), before);
    const token = await api.dataplaneToken({ mesh });
    const fleet = await startFleet({
      count: 1,
      target: world.controlPlane.dataplanes,
      caPem: readFileSync(world.controlPlane.caFile, "utf8"),
      token: () => token,
      nodeFor: () => {
        const { "dataplane.resource": _, ...metadata } = launcherMetadata({ ...rest, networking } as never);
        return { id: `${mesh}.by-hand`, cluster: "by-hand", metadata };
      },
      extensionBytes: 1_000,
    });
    try {
      await until("it is ready again", async () => (await states())[0]?.[0] === undefined);
      assert.deepEqual(await states(), [
        [undefined, undefined],
        ["NotReady", undefined],
      ]);
    } finally {
      fleet.close();
    }
  });
});
