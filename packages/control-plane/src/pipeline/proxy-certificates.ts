import { ADMIN_SECRETS } from "../envoy/admin.ts";
import { adminServerUri } from "../envoy-admin/authority.ts";
import type { Issuer, SigningAuthority, Svid } from "../identity/issuer.ts";
import type { ConnectedProxy } from "./proxies.ts";
import type { World } from "./world.ts";

export interface ProxyCertificatesOptions {
  readonly world: World;
  /** Signs the certificates of admin listeners. */
  readonly adminAuthority: SigningAuthority;
  /** Makes and renews certificates. */
  readonly issuer: Issuer;
  /** All issuers that a mesh has at present. */
  readonly issuersOf: (mesh: string) => Iterable<string>;
}

/** How certificates of an issuer are made. */
export interface Authority {
  readonly signing: SigningAuthority;
  readonly ttlMs: number;
}

/** Stands in request keys for the CA of admin listeners. */
const ADMIN_ISSUER = "envoy-admin";
/** How long a certificate lives where nobody says. */
export const DEFAULT_TTL_MS = 24 * 3600_000;

/** Asks for the certificates that planned proxies should hold, and makes them part of that when they are there. */
export class ProxyCertificates {
  readonly #options: ProxyCertificatesOptions;
  readonly #authorities = new Map<string, Authority>();
  /** Proxies that have been planned and are not gone. */
  readonly #proxies = new Set<ConnectedProxy>();
  /** Certificates asked for and not there yet, by request key. */
  readonly #pending = new Set<string>();

  constructor(options: ProxyCertificatesOptions) {
    this.#options = options;
  }

  /** How certificates of an issuer are made at present; `undefined` where none are. */
  authority(issuer: string): Authority | undefined {
    return this.#authorities.get(issuer);
  }

  /** From now on certificates are issued so, and those of connected proxies are issued anew. */
  reissue(mesh: string, issuer: string, authority: Authority): void {
    this.#authorities.set(issuer, authority);
    for (const proxy of this.#proxies) if (proxy.mesh === mesh) this.planned(proxy);
  }

  /** An issuer is there no more: no certificate is asked of it. */
  drop(issuer: string): void {
    this.#authorities.delete(issuer);
  }

  /** Every certificate that connected proxies of a mesh should hold has been issued. */
  isSettled(mesh: string): boolean {
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
      supportedBackends: [...this.#options.issuersOf(mesh)].sort(),
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
}

function requestKey(mesh: string, name: string, issuer: string): string {
  return `${mesh}/${name} ${issuer}`;
}

function parseKey(key: string): { mesh: string; name: string; issuer: string } {
  const [proxy = "", issuer = ""] = key.split(" ");
  const slash = proxy.indexOf("/");
  return { mesh: proxy.slice(0, slash), name: proxy.slice(slash + 1), issuer };
}
