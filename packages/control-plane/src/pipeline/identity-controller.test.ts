import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { createCa, loadCa } from "../identity/ca.ts";
import { systemClock } from "../identity/clock.ts";
import { createIssuer } from "../identity/issuer.ts";
import { localAuthority } from "../identity/local-authority.ts";
import { plaintextCipher } from "../identity/secrets-cipher.ts";
import type { IdentityStage } from "../plan/identities.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Write } from "../store/store.ts";
import { IdentityController } from "./identity-controller.ts";
import { Rollouts } from "./rollout.ts";
import { World } from "./world.ts";

const ISSUER = "kri_mid_m___id_";
const owner = { type: "Mesh", mesh: "", name: "m" };
const mesh: Write = {
  op: "create",
  resource: { ...owner, labels: {}, spec: { meshServices: { mode: "Exclusive" } } },
};
const identity = (status?: object): Write => ({
  op: "create",
  resource: {
    type: "MeshIdentity",
    mesh: "m",
    name: "id",
    labels: {},
    owner,
    spec: {
      selector: { dataplane: { matchLabels: {} } },
      provider: {
        type: "Bundled",
        bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
      },
    },
    ...(status === undefined ? {} : { status }),
  },
});
const secret = (name: string): Write => ({
  op: "put",
  resource: {
    type: "Secret",
    mesh: "m",
    name,
    labels: {},
    owner,
    spec: { data: Buffer.from("unreadable").toString("base64") },
  },
});
const READY = { conditions: [{ type: "Ready", status: "True", reason: "Ready", message: "" }] };

/** Starts a controller over a store with these documents and tells how far the identity's issuer got. */
async function stageAfter(...writes: readonly Write[]): Promise<IdentityStage | undefined> {
  const store = openMemoryStore({ now: () => Date.now() });
  const world = new World({ zone: "z" });
  const random = (length: number) => randomBytes(length);
  const material = await createCa({ commonName: "a", uri: "spiffe://a", now: Date.now(), random });
  const ca = loadCa(material, { now: Date.now(), allowSelfSigned: true });
  assert.ok(ca.ok);
  const issuer = createIssuer({
    clock: systemClock,
    random,
    jitter: () => 0,
    concurrency: 1,
    onIssued: () => undefined,
  });
  const rollouts = new Rollouts({
    isSettled: () => true,
    setStage: (name, key, stage) => world.mesh(name).stage.set(key, stage),
    stageTimeoutMs: 10_000,
    onTimeout: () => undefined,
    lingerMs: () => 0,
  });
  const controller = new IdentityController({
    world,
    store,
    environment: {
      store,
      cipher: plaintextCipher,
      readFile: async () => "",
      env: {},
      now: () => Date.now(),
      random,
    },
    zone: "z",
    rollouts,
    issuer,
    adminAuthority: localAuthority(ca.value),
    hold: () => () => undefined,
    log: { warn: () => undefined, error: () => undefined },
  });
  store.watch((changes) => {
    world.apply(changes);
    controller.changed(changes);
  });
  await store.write(writes);
  await controller.idle();
  for (let i = 0; i < 3; i += 1) rollouts.progress();
  const stage = world.mesh("m").stage.at(ISSUER).get();
  rollouts.close();
  issuer.close();
  await store.close();
  return stage;
}

test("an identity with a working CA is rolled out", async () => {
  assert.equal(await stageAfter(mesh, identity()), "enforced");
});

test("an identity that never worked gives nobody an identity", async () => {
  assert.equal(await stageAfter(mesh, secret("id-root-ca"), secret("id-private-key"), identity()), undefined);
});

test("an identity that has issued before and fails now stays in force: its proxies wait, and nobody is let in", async () => {
  const broken = [secret("id-root-ca"), secret("id-private-key")];
  assert.equal(await stageAfter(mesh, ...broken, identity(READY)), "enforced");
});
