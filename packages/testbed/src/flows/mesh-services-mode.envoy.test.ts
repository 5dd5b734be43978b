import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";
import { LEGACY_MTLS } from "./documents.ts";
import { freeze } from "./frozen.ts";
import {
  applied,
  callerSeen,
  documents,
  inSync,
  MESH,
  meshYaml,
  nothingLost,
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
    await inSync(world);
    return true;
  });
}

/** Names of a sidecar's listeners, or of its clusters. */
async function namesOf({ admin }: Sidecar, what: "listeners" | "clusters"): Promise<readonly string[]> {
  const lines = (await admin(`/${what}`)).trim().split("\n");
  return [...new Set(lines.map((line) => line.split("::")[0] ?? ""))].sort();
}

/** What was called by another name before goes when nobody uses it any more: listeners drain for five seconds here. */
async function clustersAre({ portal }: Scene, wanted: readonly string[]): Promise<void> {
  await until(
    `the caller has clusters of its mode only: ${wanted.join(", ")}`,
    async () => {
      const names = await namesOf(portal.sidecar, "clusters");
      assert.deepEqual(
        names.filter((name) => /check-in|flight/.test(name)),
        wanted,
      );
      return true;
    },
    { timeoutMs: 30_000 },
  );
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
          for (const { sidecar } of [scene.portal, scene.checkIn]) {
            const names = await namesOf(sidecar, "listeners");
            const unified = names.some((name) => name === "self_inbound_dp_8080");
            assert.equal(
              unified,
              mode === "Exclusive",
              `${sidecar.name} in mode ${mode}: ${names.join(", ")}`,
            );
          }
        }
        await nothingLost(loads);
        assert.equal(
          await callerSeen(scene),
          how === "plain text" ? null : `spiffe://${MESH}/passenger-portal`,
        );
        await clustersAre(scene, ["check-in-api", "flight-control"]);
        await inSync(scene.world);
      },
      { byTag: true, settings: { KUMA_DATAPLANE_RUNTIME_UNIFIED_RESOURCE_NAMING_ENABLED: "true" } },
    );
  });
}
