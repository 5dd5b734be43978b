import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";
import { ownAuthority } from "./authority.ts";
import { certificates } from "./certificates.ts";
import { freeze } from "./frozen.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import {
  applied,
  callerSeen,
  documents,
  MESH,
  meshYaml,
  nothingLost,
  outOfSync,
  reachable,
  type Scene,
  startLoads,
  withScene,
} from "./scene.ts";

const sidecarsOf = (scene: Scene): readonly Sidecar[] =>
  [scene.portal, scene.checkIn, scene.flightControl].map(({ sidecar }) => sidecar);

/** Serial of each sidecar's only certificate. */
async function serials(scene: Scene): Promise<readonly string[]> {
  return await Promise.all(
    sidecarsOf(scene).map(async (sidecar) => {
      const held = await certificates(sidecar);
      assert.equal(held.length, 1, `${sidecar.name} holds ${JSON.stringify(held)}`);
      return held[0]?.serial ?? "";
    }),
  );
}

test("from one CA to another under load: no request fails, and both stay trusted", async () => {
  const [first, second] = await Promise.all([ownAuthority("first"), ownAuthority("second")]);
  const prepared = documents(meshYaml(), first.secrets, second.secrets, ALLOW_ALL, identity({ ca: first.ca }));
  await withScene(prepared, async (scene) => {
    const { world } = scene;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    const loads = startLoads(scene);
    let known = await until("every sidecar holds one certificate", () => serials(scene));
    for (const { ca } of [second, first, second]) {
      const last = known;
      // One proxy is slow to learn whom to trust: nobody may show it what it does not know yet.
      await Promise.all([applied(world, identity({ ca })), freeze(scene.flightControl.sidecar, 1_000)]);
      known = await until("every sidecar holds another certificate", async () => {
        const now = await serials(scene);
        return now.every((serial, i) => serial !== last[i]) && now;
      });
    }
    await nothingLost(loads);
    const answer = await fetch(`${world.controlPlane.api}/meshes/${MESH}/meshtrusts/everybody`);
    const { spec } = (await answer.json()) as { spec: { caBundles: { pem: { value: string } }[] } };
    assert.deepEqual(
      spec.caBundles.map(({ pem }) => pem.value.trim()),
      [first.certificatePem.trim(), second.certificatePem.trim()],
    );
    for (const sidecar of sidecarsOf(scene)) {
      const { certificates: contexts } = JSON.parse(await sidecar.admin("/certs")) as {
        certificates: { ca_cert: unknown[]; cert_chain: { subject_alt_names: { uri: string }[] }[] }[];
      };
      const mesh = contexts.filter(({ cert_chain }) =>
        cert_chain.some(({ subject_alt_names }) => subject_alt_names.some(({ uri }) => uri.includes(idOf("")))),
      );
      assert.ok(mesh.length > 0);
      assert.deepEqual(mesh.map(({ ca_cert }) => ca_cert.length), mesh.map(() => 2));
    }
    assert.deepEqual(await outOfSync(world), []);
  });
});

test("certificates of 15 s are renewed under load: no request fails, no connection and no listener is replaced", async () => {
  const short = identity({ autogenerate: { enabled: true }, certificateParameters: { expiry: "15s" } });
  await withScene(documents(meshYaml(), ALLOW_ALL, short), async (scene) => {
    const { world, portal, checkIn } = scene;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    const loads = startLoads(scene);
    const first = await until("every sidecar holds one certificate", () => serials(scene));
    const listeners = "^listener_manager\\.(listener_(added|modified|removed|create_success|in_place_updated)|lds\\.update_success)$|listener_manager.lds.update";
    const connections = "check-in-api.*upstream_cx_(total|destroy)$";
    const before = await Promise.all(sidecarsOf(scene).map((sidecar) => sidecar.stats(listeners)));
    const connectionsBefore = await portal.sidecar.stats(connections);
    assert.ok(connectionsBefore.size > 0, "no statistics of connections");
    let known = first;
    for (const time of ["once", "twice"]) {
      const last = known;
      known = await until(
        `every certificate is renewed ${time}`,
        async () => {
          const now = await serials(scene);
          return now.every((serial, i) => serial !== last[i]) && now;
        },
        { timeoutMs: 13_000, intervalMs: 200 },
      );
    }
    const after = await Promise.all(sidecarsOf(scene).map((sidecar) => sidecar.stats(listeners)));
    assert.deepEqual(after, before);
    assert.deepEqual(await portal.sidecar.stats(connections), connectionsBefore);
    assert.ok((await checkIn.sidecar.stats("ssl_context_update_by_sds")).size > 0);
    await nothingLost(loads);
    assert.deepEqual(await outOfSync(world), []);
  });
});
