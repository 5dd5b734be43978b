import assert from "node:assert/strict";
import { test } from "node:test";
import { MESH_YAML } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import { withWorld } from "../world/world.ts";
import { createApi } from "./testing/api.ts";
import { connectBare, simulatedDataplane } from "./testing/simulated.ts";

const SETTINGS = {
  KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY: "500ms",
  KUMA_XDS_DATAPLANE_STATUS_FLUSH_INTERVAL: "100ms",
};

test("a proxy that ends while the control plane is down: its Dataplane goes, others stay", async () => {
  await withWorld(async (world) => {
    await world.startControlPlane(SETTINGS);
    const api = createApi(world.controlPlane.api);
    await world.apply(MESH_YAML);
    const { mesh } = world;
    const statusOf = async (kind: string, name: string): Promise<number> =>
      (await api.ask("GET", `/meshes/${mesh}/${kind}/${name}`)).status;
    await world.apply(JSON.stringify(simulatedDataplane(mesh, "by-hand")));
    const token = await api.dataplaneToken({ mesh });
    const first = ["stays", "ends"].map((name) => connectBare(world, { name, token }));
    for (const name of ["stays", "ends"]) {
      await until("its insight is stored", async () => (await statusOf("dataplane-insights", name)) === 200);
    }

    await world.killControlPlane();
    for (const proxy of first) proxy.session.destroy();
    await world.startControlPlane(SETTINGS);
    assert.equal(await statusOf("dataplanes", "ends"), 200, "it may still come back");
    using stays = connectBare(world, { name: "stays", token });
    await until("the other one is gone", async () => (await statusOf("dataplanes", "ends")) === 404);
    assert.equal(stays.ended, undefined);
    assert.equal(await statusOf("dataplanes", "stays"), 200);
    assert.equal(await statusOf("dataplanes", "by-hand"), 200);
  });
});
