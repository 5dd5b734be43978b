import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";
import { certificateUris } from "./certificates.ts";
import { identity, idOf, LEGACY_MTLS, meshTls } from "./documents.ts";
import { freeze } from "./frozen.ts";
import { get } from "./load.ts";
import {
  applied,
  callerSeen,
  deleted,
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

const LEGACY_PERMISSIONS = documents(
  policy("MeshTrafficPermission", "by-service", {
    targetRef: { kind: "MeshService", name: "check-in-api" },
    from: [{ targetRef: { kind: "MeshService", name: "passenger-portal" }, default: { action: "Allow" } }],
  }),
  policy("MeshTrafficPermission", "by-tags", {
    targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "flight-control" } },
    from: [
      {
        targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "passenger-portal" } },
        default: { action: "Allow" },
      },
    ],
  }),
);

const allow = (...matches: readonly object[]): string =>
  policy("MeshTrafficPermission", "by-identity", {
    rules: [{ default: { allow: matches.map((spiffeID) => ({ spiffeID })) } }],
  });
const PORTAL = { type: "Exact", value: idOf("passenger-portal") };
const PORTAL_ONLY = allow(PORTAL);

/** The first step of the way: rules for callers with ids of both kinds take the place of `from`. */
const PREPARED = allow(PORTAL, { type: "Exact", value: `spiffe://${MESH}/passenger-portal` });

/** One proxy is slow to follow: nobody may be ahead of it. */
async function withDelay(scene: Scene, sidecar: Sidecar, text: string): Promise<void> {
  await Promise.all([applied(scene.world, text), freeze(sidecar, 1_000)]);
}

test("from Mesh.mtls to MeshIdentity under load: no request fails, and every certificate is another", async () => {
  await withScene(documents(meshYaml(LEGACY_MTLS), LEGACY_PERMISSIONS), async (scene) => {
    const { world, checkIn, flightControl, portal } = scene;
    await reachable(scene);
    assert.equal(await callerSeen(scene), `spiffe://${MESH}/passenger-portal`);
    assert.ok((await certificateUris(flightControl.sidecar)).includes(`spiffe://${MESH}/flight-control`));

    const loads = startLoads(scene);
    await applied(world, PREPARED);
    await withDelay(scene, flightControl.sidecar, identity());
    assert.equal(await callerSeen(scene), idOf("passenger-portal"));
    await withDelay(scene, portal.sidecar, meshYaml());
    await until("nobody holds a certificate of the mesh's own CA", async () => {
      const held = await Promise.all(
        [portal, checkIn, flightControl].map(({ sidecar }) => certificateUris(sidecar)),
      );
      assert.deepEqual(held, [[idOf("passenger-portal")], [idOf("check-in-api")], [idOf("flight-control")]]);
      return true;
    });
    await applied(world, PORTAL_ONLY);
    for (const name of ["by-service", "by-tags"]) await deleted(world, "meshtrafficpermission", name);
    await nothingLost(loads);
    assert.equal(await callerSeen(scene), idOf("passenger-portal"));
    await inSync(world);
  });
});

test("from plain text to MeshIdentity and Strict under load: no request fails, and plain text ends", async () => {
  await withScene(meshYaml(), async (scene) => {
    const { world } = scene;
    const direct = `http://${world.site.block.address(12)}:8080/`;
    await reachable(scene);
    assert.equal(await callerSeen(scene), null);
    const loads = startLoads(scene);
    await applied(world, documents(PORTAL_ONLY, meshTls({ mode: "Permissive" })));
    await withDelay(scene, scene.portal.sidecar, identity());
    assert.equal(await callerSeen(scene), idOf("passenger-portal"));
    assert.equal((await get(undefined, direct)).status, 200);
    await applied(world, meshTls({ mode: "Strict" }));
    assert.equal((await get(undefined, direct)).status, 0, "plain text is let in");
    await nothingLost(loads);
    assert.equal(await callerSeen(scene), idOf("passenger-portal"));
    await inSync(world);
  });
});
