import assert from "node:assert/strict";
import { test } from "node:test";
import { pause, until } from "../poll.ts";
import type { Sidecar } from "../world/service.ts";
import { ownAuthority } from "./authority.ts";
import { certificates } from "./certificates.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { freeze } from "./frozen.ts";
import {
  applied,
  callerSeen,
  documents,
  inSync,
  MESH,
  meshYaml,
  nothingLost,
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
  const prepared = documents(
    meshYaml(),
    first.secrets,
    second.secrets,
    ALLOW_ALL,
    identity({ ca: first.ca }),
  );
  await withScene(prepared, async (scene) => {
    const { world } = scene;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    const loads = startLoads(scene);
    let known = await until("every sidecar holds one certificate", () => serials(scene));
    for (const [{ ca }, afterMs] of [
      [second, 700],
      [first, 0],
      [second, 700],
    ] as const) {
      const last = known;
      // One proxy is slow to learn whom to trust: nobody may show it what it does not know yet. Where the change comes
      // just before it wakes, callers that have known only the old CA wait in its queue.
      await Promise.all([
        pause(afterMs).then(() => applied(world, identity({ ca }))),
        freeze(scene.flightControl.sidecar, 1_000),
      ]);
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
        cert_chain.some(({ subject_alt_names }) =>
          subject_alt_names.some(({ uri }) => uri.includes(idOf(""))),
        ),
      );
      assert.ok(mesh.length > 0);
      assert.deepEqual(
        mesh.map(({ ca_cert }) => ca_cert.length),
        mesh.map(() => 2),
      );
    }
    await inSync(world);
  });
});

test("certificates of 12 s are renewed under load: no request fails, no connection and no listener is replaced", async () => {
  await withScene(documents(meshYaml(), ALLOW_ALL, identity()), async (scene) => {
    const { world, portal } = scene;
    await reachable(scene);
    await until("callers are named", async () => (await callerSeen(scene)) === idOf("passenger-portal"));
    const long = await until("every sidecar holds one certificate", () => serials(scene));
    const loads = startLoads(scene);
    const count = async (filter: string) =>
      await Promise.all(
        sidecarsOf(scene).map(async (sidecar) => Object.fromEntries(await sidecar.stats(filter))),
      );
    const listeners = await count("^listener_manager\\.(listener_|lds\\.update)");
    const connections = await portal.sidecar.stats("check-in-api.*upstream_cx_(total|destroy)$");
    const switched = await count("ssl_context_update_by_sds$");
    assert.ok(
      connections.size > 0 && switched.every((each) => Object.keys(each).length > 0),
      "no statistics",
    );

    const another = (before: readonly string[]) => async () => {
      const now = await serials(scene);
      return now.every((serial, i) => serial !== before[i]) && now;
    };
    await applied(
      world,
      identity({ autogenerate: { enabled: true }, certificateParameters: { expiry: "12s" } }),
    );
    const short = await until("the new life is given at once", another(long), { timeoutMs: 3_000 });
    const begin = performance.now();
    await until("every certificate is renewed", another(short), { timeoutMs: 12_000, intervalMs: 200 });
    const age = performance.now() - begin;
    assert.ok(age > 5_000 && age < 10_500, `renewed after ${age} ms`);

    await nothingLost(loads);
    assert.deepEqual(await count("^listener_manager\\.(listener_|lds\\.update)"), listeners);
    assert.deepEqual(await portal.sidecar.stats("check-in-api.*upstream_cx_(total|destroy)$"), connections);
    assert.notDeepEqual(await count("ssl_context_update_by_sds$"), switched);
    await inSync(world);
  });
});
