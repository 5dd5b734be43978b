import {
  displayName,
  durationMs,
  enabledMtlsBackend,
  type MeshIdentityResource,
  type MeshResource,
  type MeshTrustResource,
  parseCalendarDuration,
} from "@skein/model";
import { ADMIN_SECRETS } from "../envoy/admin.ts";
import { adminServerUri } from "../envoy-admin/authority.ts";
import { ensureMtlsCa } from "../identity/builtin.ts";
import { type CaEnvironment, ensureBundledCa } from "../identity/bundled.ts";
import type { CertificateAuthority } from "../identity/ca.ts";
import {
  type IdentityError,
  type IdentityState,
  identityConditions,
  isReady,
  meshServicesError,
  providerNotFound,
} from "../identity/conditions.ts";
import type { Issuer, SigningAuthority, Svid } from "../identity/issuer.ts";
import { localAuthority } from "../identity/local-authority.ts";
import { desiredMeshTrust } from "../identity/mesh-trust.ts";
import { trustDomainOf } from "../identity/selection.ts";
import { meshIdentityKri, mtlsIssuer } from "../plan/identities.ts";
import { type Change, type Store, StoreError } from "../store/store.ts";
import type { ConnectedProxy } from "./proxies.ts";
import type { Rollouts } from "./rollout.ts";
import type { World } from "./world.ts";

export interface IdentityControllerOptions {
  readonly world: World;
  readonly store: Store;
  readonly environment: CaEnvironment;
  readonly zone: string;
  readonly rollouts: Rollouts;
  /** Signs the certificates of admin listeners. */
  readonly adminAuthority: SigningAuthority;
  /** Makes and renews certificates. */
  readonly issuer: Issuer;
  /** Says that more will follow from a change; the returned function ends that. */
  readonly hold: (revision: number, mesh: string) => () => void;
  readonly log: {
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
}

interface Authority {
  readonly signing: SigningAuthority;
  readonly ttlMs: number;
}

/** Stands in request keys for the CA of admin listeners. */
const ADMIN_ISSUER = "envoy-admin";
const DEFAULT_TTL_MS = 24 * 3600_000;

/**
 * Brings MeshIdentities and the mesh's own CAs to life: makes or reads their CAs, keeps their MeshTrusts and
 * conditions, starts their rollouts, and asks for the certificates that planned proxies should hold.
 */
export class IdentityController {
  readonly #options: IdentityControllerOptions;
  readonly #authorities = new Map<string, Authority>();
  /** What each issuer's authority should be by the newest reconciliation; it may still wait to become that. */
  readonly #wanted = new Map<string, Authority>();
  readonly #issuers = new Map<string, Set<string>>();
  readonly #running = new Map<string, Promise<void>>();
  readonly #again = new Set<string>();
  /** Proxies that have been planned and are not gone. */
  readonly #proxies = new Set<ConnectedProxy>();
  /** Certificates asked for and not there yet, by request key. */
  readonly #pending = new Set<string>();
  /** Changes that are being reconciled: they are not settled before what follows from them is. */
  readonly #holding = new Map<string, (() => void)[]>();

  constructor(options: IdentityControllerOptions) {
    this.#options = options;
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

  /** Every certificate that connected proxies of a mesh should hold has been issued. */
  isSettled(mesh: string): boolean {
    if (this.#running.has(mesh)) return false;
    for (const key of this.#pending) if (key.startsWith(`${mesh}/`)) return false;
    return true;
  }

  /** Asks for the certificates that a planned proxy should hold. */
  planned(proxy: ConnectedProxy): void {
    const { world, adminAuthority } = this.#options;
    this.#proxies.add(proxy);
    const wanted = world.mesh(proxy.mesh).planner.identity.at(proxy.name).get().certificates;
    if (world.mesh(proxy.mesh).planner.plan.at(proxy.name).get()?.admin !== undefined) {
      const key = requestKey(proxy.mesh, proxy.name, ADMIN_ISSUER);
      const uris = [adminServerUri(proxy.mesh, proxy.name)];
      this.#options.issuer.request({ key, uris, authority: adminAuthority, ttlMs: DEFAULT_TTL_MS });
    }
    for (const { issuer, uris } of wanted) {
      const authority = this.#authorities.get(issuer);
      if (authority === undefined) continue;
      const key = requestKey(proxy.mesh, proxy.name, issuer);
      const current = this.#options.issuer.request({
        key,
        uris,
        authority: authority.signing,
        ttlMs: authority.ttlMs,
      });
      if (current?.authorityId !== authority.signing.id) this.#pending.add(key);
    }
  }

  /** A certificate is there: it becomes part of what the proxy should hold. */
  issued(key: string, svid: Svid, proxyOf: (mesh: string, name: string) => ConnectedProxy | undefined): void {
    this.#pending.delete(key);
    const { mesh, name, issuer } = parseKey(key);
    const world = this.#options.world.mesh(mesh);
    const material = { certificatePem: svid.certChainPem, privateKeyPem: svid.privateKeyPem };
    if (issuer === ADMIN_ISSUER) {
      world.certificate.set(name, ADMIN_SECRETS.certificate, material);
      return;
    }
    const identity = world.planner.identity.at(name).get();
    const wanted = identity.certificates.find((candidate) => candidate.issuer === issuer);
    for (const secret of wanted?.secrets ?? []) world.certificate.set(name, secret, material);
    const expires = new Date(svid.notAfter).toISOString();
    proxyOf(mesh, name)?.certified(svid.uris[0] ?? "", expires, {
      issuedBackend: issuer.startsWith("mtls/") ? (issuer.split("/")[2] ?? "") : issuer,
      supportedBackends: [...(this.#issuers.get(mesh) ?? [])].sort(),
      issued: { at: new Date(svid.issuedAt).toISOString(), expires },
    });
  }

  /** A proxy is gone: its certificates are dropped. */
  gone(proxy: ConnectedProxy): void {
    this.#proxies.delete(proxy);
    for (const issuer of [ADMIN_ISSUER, ...this.#authorities.keys()]) {
      const key = requestKey(proxy.mesh, proxy.name, issuer);
      this.#options.issuer.forget(key);
      this.#pending.delete(key);
    }
    const world = this.#options.world.mesh(proxy.mesh);
    world.certificate.set(proxy.name, ADMIN_SECRETS.certificate, undefined);
    for (const { secrets } of world.planner.identity.at(proxy.name).get().certificates) {
      for (const secret of secrets) world.certificate.set(proxy.name, secret, undefined);
    }
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
      this.#authorities.delete(issuer);
      this.#wanted.delete(issuer);
    }
    this.#issuers.set(name, issuers);
    this.#options.world.mesh(name).mtlsRoots.set(this.#mtlsRoots.get(name) ?? []);
  }

  readonly #mtlsRoots = new Map<string, readonly string[]>();

  async #reconcileMtls(mesh: MeshResource, issuers: Set<string>): Promise<void> {
    const { environment, rollouts, hold, log, world } = this.#options;
    const backend = enabledMtlsBackend(mesh.spec);
    if (backend === undefined) {
      this.#mtlsRoots.delete(mesh.name);
      return;
    }
    const ca = await ensureMtlsCa(environment, mesh.name, backend);
    const issuer = mtlsIssuer(mesh.name, backend.name ?? "");
    if (!ca.ok) {
      log.warn({ mesh: mesh.name, reason: ca.error }, "the mesh's CA is not usable");
      this.#keep(mesh.name, issuer, issuers);
      return;
    }
    const expiration = parseCalendarDuration(backend.dpCert?.rotation?.expiration ?? "");
    this.#mtlsRoots.set(mesh.name, [ca.value.trustPem]);
    world.mesh(mesh.name).mtlsRoots.set([ca.value.trustPem]);
    this.#start(
      mesh.name,
      issuer,
      ca.value,
      expiration || DEFAULT_TTL_MS,
      issuers,
      hold(mesh.revision, mesh.name),
      rollouts,
    );
  }

  async #reconcileIdentity(
    mesh: MeshResource,
    identity: MeshIdentityResource,
    issuers: Set<string>,
  ): Promise<void> {
    const { rollouts, hold } = this.#options;
    const outcome = await this.#bringUp(mesh, identity);
    await this.#report(identity, outcome.state);
    const issuer = meshIdentityKri(identity);
    if (outcome.ca === undefined) {
      if (outcome.state.kind === "failed" && this.#hasIssued(identity))
        this.#keep(mesh.name, issuer, issuers);
      return;
    }
    const expiry = identity.spec.provider?.bundled?.certificateParameters?.expiry;
    const ttlMs = expiry === undefined ? DEFAULT_TTL_MS : durationMs(expiry);
    this.#start(mesh.name, issuer, outcome.ca, ttlMs, issuers, hold(identity.revision, mesh.name), rollouts);
  }

  #start(
    mesh: string,
    issuer: string,
    ca: CertificateAuthority,
    ttlMs: number,
    issuers: Set<string>,
    release: () => void,
    rollouts: Rollouts,
  ): void {
    issuers.add(issuer);
    const known = this.#authorities.get(issuer);
    const next: Authority = { signing: localAuthority(ca), ttlMs };
    this.#wanted.set(issuer, next);
    if (known !== undefined && !isSame(known, next)) {
      const reissue = (): void => {
        const wanted = this.#wanted.get(issuer);
        // It may have been taken back meanwhile, or be gone.
        if (wanted !== undefined && isSame(wanted, next)) this.#reissue(mesh, issuer, next);
        rollouts.whenSettled(mesh, issuer, release);
      };
      // Nobody may be shown a certificate of a CA that he has not been told to trust yet.
      if (known.signing.id === ca.id) rollouts.whenSettled(mesh, issuer, reissue);
      else rollouts.whenQuiet(mesh, issuer, reissue);
      return;
    }
    if (known === undefined) this.#reissue(mesh, issuer, next);
    rollouts.start(mesh, issuer, release);
  }

  /**
   * An issuer that fails stays the issuer of its proxies: certificates that were issued stay in use, and a proxy that
   * has none waits for one with the configuration it has. Without this, a control plane that cannot read a CA when it
   * starts would take identities away, and let everybody in.
   */
  #keep(mesh: string, issuer: string, issuers: Set<string>): void {
    issuers.add(issuer);
    this.#options.rollouts.start(mesh, issuer, () => undefined);
  }

  /** Whether proxies may hold certificates of this identity: now, or from an earlier life of the control plane. */
  #hasIssued(identity: MeshIdentityResource): boolean {
    const { mesh, name } = identity;
    const isInUse = this.#issuers.get(mesh)?.has(meshIdentityKri(identity)) === true;
    if (isInUse || isReady(identity.status?.conditions)) return true;
    return this.#options.store.get({ type: "MeshTrust", mesh, name }) !== undefined;
  }

  /** From now on certificates are issued so, and those of connected proxies are issued anew. */
  #reissue(mesh: string, issuer: string, authority: Authority): void {
    this.#authorities.set(issuer, authority);
    for (const proxy of this.#proxies) if (proxy.mesh === mesh) this.planned(proxy);
  }

  async #bringUp(
    mesh: MeshResource,
    identity: MeshIdentityResource,
  ): Promise<{ readonly state: IdentityState; readonly ca: CertificateAuthority | undefined }> {
    const failed = (error: IdentityError) => ({ state: { kind: "failed" as const, error }, ca: undefined });
    const disabled = meshServicesError(mesh.spec.meshServices?.mode);
    if (disabled !== undefined) return failed(disabled);
    const provider = identity.spec.provider;
    if (provider === undefined) return { state: { kind: "spiffe-id-only" }, ca: undefined };
    if (provider.type !== "Bundled") return failed(providerNotFound(provider.type, ["Bundled"]));
    const context = { zone: this.#options.zone, environment: "universal" as const };
    const trustDomain = trustDomainOf(context, identity);
    if (!trustDomain.ok) return failed({ reason: "ProviderInitializationError", message: trustDomain.error });
    const bundled = provider.bundled ?? {};
    const ca = await ensureBundledCa(this.#options.environment, {
      key: { type: identity.type, mesh: identity.mesh, name: identity.name },
      displayName: displayName(identity),
      trustDomain: trustDomain.value,
      bundled,
    });
    if (!ca.ok) return failed(ca.error);
    const creates = bundled.meshTrustCreation !== "Disabled";
    if (creates) await this.#ensureTrust(identity, trustDomain.value, ca.value);
    const meshTrust = !creates ? "not-created" : ca.value.hasRoot ? "created" : "without-root";
    return { state: { kind: "ready", meshTrust }, ca: ca.value };
  }

  async #ensureTrust(
    identity: MeshIdentityResource,
    trustDomain: string,
    ca: CertificateAuthority,
  ): Promise<void> {
    const { store } = this.#options;
    const key = { type: "MeshTrust", mesh: identity.mesh, name: identity.name };
    const existing = store.get<MeshTrustResource>(key);
    const wanted = desiredMeshTrust(
      { key: identity, kri: meshIdentityKri(identity), trustDomain, caPem: ca.trustPem },
      existing,
    );
    if (wanted === undefined) return;
    const resource = { ...wanted, owner: { type: "Mesh", mesh: "", name: identity.mesh } };
    await store.write([
      existing === undefined
        ? { op: "create", resource }
        : { op: "update", resource, ifRevision: existing.revision },
    ]);
  }

  async #report(identity: MeshIdentityResource, state: IdentityState): Promise<void> {
    const { store } = this.#options;
    const current = store.get<MeshIdentityResource>(identity);
    if (current === undefined) return;
    const { type, mesh, name, labels, spec, owner, revision } = current;
    const status = { conditions: [...identityConditions(state)] };
    if (JSON.stringify(current.status) === JSON.stringify(status)) return;
    const resource = { type, mesh, name, labels, spec, status, ...(owner === undefined ? {} : { owner }) };
    try {
      await store.write([{ op: "update", resource, ifRevision: revision }]);
    } catch (error) {
      // Somebody was quicker; their write wakes this controller again.
      if (!(error instanceof StoreError) || error.code === "unavailable") throw error;
    }
  }
}

function isSame(a: Authority, b: Authority): boolean {
  return a.signing.id === b.signing.id && a.ttlMs === b.ttlMs;
}

function requestKey(mesh: string, name: string, issuer: string): string {
  return `${mesh}/${name} ${issuer}`;
}

function parseKey(key: string): { mesh: string; name: string; issuer: string } {
  const [proxy = "", issuer = ""] = key.split(" ");
  const slash = proxy.indexOf("/");
  return { mesh: proxy.slice(0, slash), name: proxy.slice(slash + 1), issuer };
}
