import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { ensureAdminAuthority } from "../envoy-admin/authority.ts";
import type { CertificateAuthority } from "../identity/ca.ts";
import { systemClock } from "../identity/clock.ts";
import { createIssuer, type Issuer } from "../identity/issuer.ts";
import { localAuthority } from "../identity/local-authority.ts";
import type { Naming } from "../naming/run.ts";
import type { ChangeLog } from "../pipeline/change-log.ts";
import type { LiveFleet } from "../pipeline/fleet.ts";
import { IdentityController } from "../pipeline/identity-controller.ts";
import { Rollouts } from "../pipeline/rollout.ts";
import type { World } from "../pipeline/world.ts";
import type { ControlPlaneMetrics } from "../telemetry/metrics.ts";
import type { Foundation } from "./foundation.ts";

/** What identities change, and what they wait for. */
export interface AroundIdentities {
  readonly world: World;
  readonly changes: ChangeLog;
  readonly fleet: LiveFleet;
  readonly metrics: ControlPlaneMetrics;
  /** `undefined` while it has not been started. */
  readonly naming: () => Naming | undefined;
}

/** Identities from their CAs to the certificates of proxies. */
export interface Identities {
  readonly controller: IdentityController;
  readonly rollouts: Rollouts;
  readonly issuer: Issuer;
  /** The CA between the control plane and the admin listeners of proxies. */
  readonly adminAuthority: CertificateAuthority;
}

/**
 * Joins CAs, the issuing of certificates and their rollout.
 * @throws StartError when the CA of admin listeners is not usable
 */
export async function makeIdentities(
  { store, cipher, zone, now, log }: Foundation,
  { world, changes, fleet, metrics, naming }: AroundIdentities,
): Promise<Identities> {
  const rollouts: Rollouts = new Rollouts({
    isSettled: (mesh) => fleet.isSettled(mesh) && controller.isSettled(mesh),
    setStage: (mesh, issuer, stage) => {
      world.mesh(mesh).stage.set(issuer, stage);
      naming()?.wake(mesh);
      fleet.replan();
    },
    stageTimeoutMs: 10_000,
    onTimeout: (mesh, issuer, stage) =>
      log.warn(
        { mesh, issuer, stage },
        "some proxies did not acknowledge a stage of an identity's rollout in time",
      ),
    lingerMs: (mesh) => (fleet.hasProxies(mesh) ? 1_000 : 0),
  });
  const issuer = createIssuer({
    clock: systemClock,
    random: randomBytes,
    jitter: Math.random,
    concurrency: 4,
    onIssued: (key, svid) => {
      metrics.certificate(false);
      controller.certificates.issued(key, svid, (mesh, name) => fleet.proxy(mesh, name));
      fleet.replan();
    },
    onFailed: (failure) => {
      metrics.certificate(true);
      log.warn({ ...failure }, "a certificate could not be issued; it is tried again");
    },
  });
  const adminAuthority = await ensureAdminAuthority({ store, cipher }, now, randomBytes);
  world.setAdminAuthority(adminAuthority.certificatePem);
  const controller: IdentityController = new IdentityController({
    adminAuthority: localAuthority(adminAuthority),
    world,
    store,
    environment: {
      store,
      cipher,
      readFile: (path) => readFile(path, "utf8"),
      env: process.env,
      now,
      random: randomBytes,
    },
    zone,
    rollouts,
    issuer,
    hold: (revision, mesh) => changes.hold(revision, mesh),
    log,
  });
  return { controller, rollouts, issuer, adminAuthority };
}
