import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { LEGACY_MTLS } from "./documents.ts";
import { freeze } from "./frozen.ts";
import {
  applied,
  callerSeen,
  documents,
  MESH,
  meshYaml,
  nothingLost,
  outOfSync,
  policy,
  reachable,
  type Scene,
  startLoads,
  withScene,
} from "./scene.ts";

const EVERYBODY = policy("MeshTrafficPermission", "everybody", {
  from: [{ targetRef: { kind: "Mesh" }, default: { action: "Allow" } }],
});

const inMode = (mode: string, rest: object = LEGACY_MTLS): string =>
  meshYaml({ meshServices: { mode }, ...rest });

/** Changes the mode while one proxy is slow to follow, and waits until the mesh's services are what the mode says. */
async function switched({ world, portal }: Scene, mode: string, rest?: object): Promise<void> {
  await Promise.all([applied(world, inMode(mode, rest)), freeze(portal.sidecar, 700)]);
  const services = mode === "Disabled" ? 0 : 3;
  await until(`the mesh has ${services} services and everybody is in sync in mode ${mode}`, async () => {
    const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/meshservices`);
    const { total } = (await answer.json()) as { total: number };
    assert.equal(total, services);
    assert.deepEqual(await outOfSync(world), []);
    return true;
  });
}

/** Names of Envoy's clusters and listeners. */
async function namesIn(scene: Scene): Promise<string> {
  const { sidecar } = scene.portal;
  const [clusters, listeners] = await Promise.all([sidecar.admin("/clusters"), sidecar.admin("/listeners")]);
  return clusters + listeners;
}

for (const [how, rest] of [
  ["mutual TLS", LEGACY_MTLS],
  ["plain text", {}],
] as const) {
  test(`every mode and back under load, with ${how}: no request fails`, async () => {
    await withScene(
      documents(inMode("Disabled", rest), EVERYBODY),
      async (scene) => {
        await reachable(scene);
        const loads = startLoads(scene);
        for (const mode of [
          "Everywhere",
          "ReachableBackends",
          "Exclusive",
          "Everywhere",
          "Exclusive",
          "Disabled",
        ]) {
          await switched(scene, mode, rest);
          const names = await namesIn(scene);
          assert.equal(names.includes("kri_msvc_"), mode === "Exclusive", `in mode ${mode}:\n${names}`);
        }
        await nothingLost(loads);
        assert.equal(
          await callerSeen(scene),
          how === "plain text" ? null : `spiffe://${MESH}/passenger-portal`,
        );
        assert.deepEqual(await outOfSync(scene.world), []);
      },
      { byTag: true },
    );
  });
}
