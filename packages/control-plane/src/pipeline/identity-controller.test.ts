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
import type { ConnectedProxy } from "./proxies.ts";
import { Rollouts } from "./rollout.ts";
import { World } from "./world.ts";

const ISSUER = "kri_mid_m___id_";
const owner = { type: "Mesh", mesh: "", name: "m" };
const mesh: Write = {
  op: "create",
  resource: { ...owner, labels: {}, spec: { meshServices: { mode: "Exclusive" } } },
};
const identityResource = (status?: object, bundled: object = {}) => ({
  type: "MeshIdentity",
  mesh: "m",
  name: "id",
  labels: {},
  owner,
  spec: {
    selector: { dataplane: { matchLabels: {} } },
    provider: {
      type: "Bundled",
      bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true, ...bundled },
    },
  },
  ...(status === undefined ? {} : { status }),
});
const identity = (status?: object): Write => ({ op: "create", resource: identityResource(status) });
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

/** A controller over a store, its rollouts, and the lives of the certificates that it has asked for. */
async function harness() {
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
  const mode = { settled: true };
  const lives: number[] = [];
  const rollouts = new Rollouts({
    isSettled: () => mode.settled,
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
    issuer: {
      ...issuer,
      request: (request) => {
        lives.push(request.ttlMs);
        return issuer.request(request);
      },
    },
    adminAuthority: localAuthority(ca.value),
    hold: () => () => undefined,
    log: { warn: () => undefined, error: () => undefined },
  });
  store.watch((changes) => {
    world.apply(changes);
    controller.changed(changes);
  });
  const write = async (...writes: readonly Write[]): Promise<void> => {
    await store.write(writes);
    await controller.idle();
  };
  const close = async (): Promise<void> => {
    rollouts.close();
    issuer.close();
    await store.close();
  };
  return { world, controller, rollouts, mode, lives, write, close };
}

/** Starts a controller over a store with these documents and tells how far the identity's issuer got. */
async function stageAfter(...writes: readonly Write[]): Promise<IdentityStage | undefined> {
  const { world, rollouts, write, close } = await harness();
  await write(...writes);
  for (let i = 0; i < 3; i += 1) rollouts.progress();
  const stage = world.mesh("m").stage.at(ISSUER).get();
  await close();
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

test("a change that is taken back before everybody has acknowledged it is not carried out", async () => {
  const { controller, rollouts, mode, lives, write, close } = await harness();
  const dataplane = {
    type: "Dataplane",
    mesh: "m",
    name: "dp",
    labels: { "kuma.io/workload": "dp" },
    owner,
    spec: { networking: { address: "127.0.0.1", inbound: [{ port: 80 }] } },
  };
  await write(mesh, { op: "create", resource: dataplane }, identity());
  controller.certificates.planned({ mesh: "m", name: "dp" } as ConnectedProxy);
  assert.deepEqual(lives, [86_400_000]);

  const withExpiry = (expiry: string): Promise<void> =>
    write({ op: "put", resource: identityResource(undefined, { certificateParameters: { expiry } }) });
  mode.settled = false;
  await withExpiry("1h");
  await withExpiry("24h");
  mode.settled = true;
  rollouts.progress();
  assert.deepEqual(lives, [86_400_000]);

  await withExpiry("1h");
  rollouts.progress();
  assert.deepEqual(lives, [86_400_000, 3_600_000]);
  await close();
});
