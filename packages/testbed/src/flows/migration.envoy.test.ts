import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import { certificateUris } from "./certificates.ts";
import { identity, LEGACY_MTLS, meshTls } from "./documents.ts";
import {
  applied,
  callerSeen,
  documents,
  meshYaml,
  nothingLost,
  outOfSync,
  policy,
  reachable,
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

const PORTAL_ONLY = policy("MeshTrafficPermission", "by-identity", {
  rules: [
    {
      default: {
        allow: [{ spiffeID: { type: "Exact", value: "spiffe://kong-air.test/sa/passenger-portal" } }],
      },
    },
  ],
});

test("from Mesh.mtls to MeshIdentity under load: no request fails, and every certificate is another", async () => {
  await withScene(documents(meshYaml(LEGACY_MTLS), LEGACY_PERMISSIONS), async (scene) => {
    const { world, checkIn, flightControl, portal } = scene;
    await reachable(scene);
    assert.equal(await callerSeen(scene), "spiffe://kong-air-mesh/passenger-portal");
    assert.ok((await certificateUris(flightControl.sidecar)).includes("spiffe://kong-air-mesh/flight-control"));

    const loads = startLoads(scene);
    await applied(world, PORTAL_ONLY);
    await applied(world, identity());
    await until(
      "the app sees the new id",
      async () => (await callerSeen(scene)) === "spiffe://kong-air.test/sa/passenger-portal",
    );
    await applied(world, meshYaml());
    await until("nobody holds a certificate of the mesh's own CA", async () => {
      const uris = await Promise.all([portal, checkIn, flightControl].map(({ sidecar }) => certificateUris(sidecar)));
      const legacy = uris.flat().filter((uri) => uri.startsWith("spiffe://kong-air-mesh/"));
      if (legacy.length > 0) throw new Error(legacy.join());
      return true;
    });
    for (const name of ["by-service", "by-tags"]) {
      assert.equal((await world.ctl(["delete", "meshtrafficpermission", name, "-m", world.mesh, "--wait"])).code, 0);
    }
    await nothingLost(loads, 1_000);
    assert.equal(await callerSeen(scene), "spiffe://kong-air.test/sa/passenger-portal");
    assert.deepEqual(await certificateUris(flightControl.sidecar), ["spiffe://kong-air.test/sa/flight-control"]);
    assert.deepEqual(await outOfSync(world), []);
  });
});

test("from plain text to MeshIdentity and Strict under load: no request fails, and plain text ends", async () => {
  await withScene(meshYaml(), async (scene) => {
    const { world } = scene;
    await reachable(scene);
    assert.equal(await callerSeen(scene), null);
    const loads = startLoads(scene);
    await applied(world, documents(PORTAL_ONLY, meshTls({ mode: "Permissive" })));
    await applied(world, identity());
    await until(
      "the app sees an id",
      async () => (await callerSeen(scene)) === "spiffe://kong-air.test/sa/passenger-portal",
    );
    const direct = `http://${world.site.block.address(12)}:8080/`;
    assert.equal((await fetch(direct)).status, 200);
    await applied(world, meshTls({ mode: "Strict" }));
    await assert.rejects(fetch(direct));
    await nothingLost(loads, 1_000);
    assert.equal(await callerSeen(scene), "spiffe://kong-air.test/sa/passenger-portal");
    assert.deepEqual(await outOfSync(world), []);
  });
});
