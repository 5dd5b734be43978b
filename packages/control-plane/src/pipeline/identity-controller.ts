import {
  durationMs,
  enabledMtlsBackend,
  type MeshIdentityResource,
  type MeshResource,
  parseCalendarDuration,
} from "@skein/model";
import { ensureMtlsCa } from "../identity/builtin.ts";
import { isReady } from "../identity/conditions.ts";
import { localAuthority } from "../identity/local-authority.ts";
import { meshIdentityKri, mtlsIssuer } from "../plan/identities.ts";
import type { Change } from "../store/store.ts";
import { type BringUpOptions, bringUpIdentity, reportIdentity } from "./identity-bring-up.ts";
import {
  type Authority,
  DEFAULT_TTL_MS,
  ProxyCertificates,
  type ProxyCertificatesOptions,
} from "./proxy-certificates.ts";
import type { Rollouts } from "./rollout.ts";

export interface IdentityControllerOptions
  extends BringUpOptions,
    Omit<ProxyCertificatesOptions, "issuersOf"> {
  readonly rollouts: Rollouts;
  /** Says that more will follow from a change; the returned function ends that. */
  readonly hold: (revision: number, mesh: string) => () => void;
  readonly log: {
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
}

/**
 * Brings MeshIdentities and the mesh's own CAs to life: makes or reads their CAs, keeps their MeshTrusts and
 * conditions, starts their rollouts, and has certificates issued by them.
 */
export class IdentityController {
  /** What comes of the issuers at proxies. */
  readonly certificates: ProxyCertificates;
  readonly #options: IdentityControllerOptions;
  /** What each issuer's authority should be by the newest reconciliation; it may still wait to become that. */
  readonly #wanted = new Map<string, Authority>();
  readonly #issuers = new Map<string, Set<string>>();
  /** Root certificates of meshes' own CAs. */
  readonly #mtlsRoots = new Map<string, readonly string[]>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  /** Changes that are being reconciled: they are not settled before what follows from them is. */
  readonly #holding = new Map<string, (() => void)[]>();

  constructor(options: IdentityControllerOptions) {
    this.#options = options;
    this.certificates = new ProxyCertificates({
      ...options,
      issuersOf: (mesh) => this.#issuers.get(mesh) ?? [],
    });
  }

  /** Reconciles the meshes that these changes may concern. */
  changed(changes: readonly Change[]): void {
    for (const { before, after, revision } of changes) {
      const resource = after ?? before;
      if (resource === undefined) continue;
      if (resource.type === "Mesh") this.#wake(resource.name, revision);
      else if (resource.type === "MeshIdentity" || resource.type === "Secret")
        this.#wake(resource.mesh, revision);
    }
  }

  /** Resolves when nothing is being reconciled. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  /** Nothing of a mesh is being reconciled, and every certificate that its connected proxies should hold is issued. */
  isSettled(mesh: string): boolean {
    return !this.#running.has(mesh) && this.certificates.isSettled(mesh);
  }

  #wake(mesh: string, revision: number): void {
    const holding = this.#holding.get(mesh) ?? [];
    holding.push(this.#options.hold(revision, mesh));
    this.#holding.set(mesh, holding);
    if (this.#running.has(mesh)) {
      this.#again.add(mesh);
      return;
    }
    const run = this.#run(mesh).finally(() => {
      this.#running.delete(mesh);
      const release = this.#holding.get(mesh) ?? [];
      this.#holding.delete(mesh);
      for (const each of release) each();
      this.#options.rollouts.progress();
    });
    this.#running.set(mesh, run);
  }

  async #run(mesh: string): Promise<void> {
    do {
      this.#again.delete(mesh);
      try {
        await this.#reconcile(mesh);
      } catch (error) {
        this.#options.log.error({ err: error, mesh }, "identities of a mesh could not be reconciled");
      }
    } while (this.#again.has(mesh));
  }

  async #reconcile(name: string): Promise<void> {
    const { store, rollouts } = this.#options;
    const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name });
    const issuers = new Set<string>();
    if (mesh !== undefined) {
      await this.#reconcileMtls(mesh, issuers);
      for (const identity of store.list<MeshIdentityResource>({ type: "MeshIdentity", mesh: name })) {
        await this.#reconcileIdentity(mesh, identity, issuers);
      }
    }
    for (const issuer of this.#issuers.get(name) ?? []) {
      if (issuers.has(issuer)) continue;
      rollouts.stop(issuer);
      this.certificates.drop(issuer);
      this.#wanted.delete(issuer);
    }
    this.#issuers.set(name, issuers);
    this.#options.world.mesh(name).mtlsRoots.set(this.#mtlsRoots.get(name) ?? []);
  }

  async #reconcileMtls(mesh: MeshResource, issuers: Set<string>): Promise<void> {
    const { environment, hold, log, world } = this.#options;
    const backend = enabledMtlsBackend(mesh.spec);
    if (backend === undefined) {
      this.#mtlsRoots.delete(mesh.name);
      return;
    }
    const ca = await ensureMtlsCa(environment, mesh.name, backend);
    const issuer = mtlsIssuer(mesh.name, backend.name ?? "");
    issuers.add(issuer);
    if (!ca.ok) {
      log.warn({ mesh: mesh.name, reason: ca.error }, "the mesh's CA is not usable");
      this.#keep(mesh.name, issuer);
      return;
    }
    const expiration = parseCalendarDuration(backend.dpCert?.rotation?.expiration ?? "");
    this.#mtlsRoots.set(mesh.name, [ca.value.trustPem]);
    world.mesh(mesh.name).mtlsRoots.set([ca.value.trustPem]);
    const authority: Authority = { signing: localAuthority(ca.value), ttlMs: expiration || DEFAULT_TTL_MS };
    this.#start(mesh.name, issuer, authority, hold(mesh.revision, mesh.name));
  }

  async #reconcileIdentity(
    mesh: MeshResource,
    identity: MeshIdentityResource,
    issuers: Set<string>,
  ): Promise<void> {
    const { store, hold } = this.#options;
    const { state, ca } = await bringUpIdentity(this.#options, mesh, identity);
    await reportIdentity(store, identity, state);
    const issuer = meshIdentityKri(identity);
    if (ca === undefined) {
      if (state.kind !== "failed" || !this.#hasIssued(identity)) return;
      issuers.add(issuer);
      this.#keep(mesh.name, issuer);
      return;
    }
    issuers.add(issuer);
    const expiry = identity.spec.provider?.bundled?.certificateParameters?.expiry;
    const ttlMs = expiry === undefined ? DEFAULT_TTL_MS : durationMs(expiry);
    const authority: Authority = { signing: localAuthority(ca), ttlMs };
    this.#start(mesh.name, issuer, authority, hold(identity.revision, mesh.name));
  }

  /** An issuer is as `next` from now on, or from when everybody can take that. `release` is called then. */
  #start(mesh: string, issuer: string, next: Authority, release: () => void): void {
    const { rollouts } = this.#options;
    const known = this.certificates.authority(issuer);
    this.#wanted.set(issuer, next);
    if (known !== undefined && !isSame(known, next)) {
      const reissue = (): void => {
        const wanted = this.#wanted.get(issuer);
        // It may have been taken back meanwhile, or be gone.
        if (wanted !== undefined && isSame(wanted, next)) this.certificates.reissue(mesh, issuer, next);
        rollouts.whenSettled(mesh, issuer, release);
      };
      // Nobody may be shown a certificate of a CA that he has not been told to trust yet.
      if (known.signing.id === next.signing.id) rollouts.whenSettled(mesh, issuer, reissue);
      else rollouts.whenQuiet(mesh, issuer, reissue);
      return;
    }
    if (known === undefined) this.certificates.reissue(mesh, issuer, next);
    rollouts.start(mesh, issuer, release);
  }

  /**
   * An issuer that fails stays the issuer of its proxies: certificates that were issued stay in use, and a proxy that
   * has none waits for one with the configuration it has. Without this, a control plane that cannot read a CA when it
   * starts would take identities away, and let everybody in.
   */
  #keep(mesh: string, issuer: string): void {
    this.#options.rollouts.start(mesh, issuer, () => undefined);
  }

  /** Whether proxies may hold certificates of this identity: now, or from an earlier life of the control plane. */
  #hasIssued(identity: MeshIdentityResource): boolean {
    const { mesh, name } = identity;
    const isInUse = this.#issuers.get(mesh)?.has(meshIdentityKri(identity)) === true;
    if (isInUse || isReady(identity.status?.conditions)) return true;
    return this.#options.store.get({ type: "MeshTrust", mesh, name }) !== undefined;
  }
}

function isSame(a: Authority, b: Authority): boolean {
  return a.signing.id === b.signing.id && a.ttlMs === b.ttlMs;
}
