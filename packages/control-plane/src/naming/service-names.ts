import type { HostnameGeneratorResource, Resource } from "@skein/model";
import { type AddressedDraft, type AddressedType, VIP_SETTINGS, vipsOf } from "./addressed.ts";
import { HostnameIndex, type ServiceName } from "./hostname-index.ts";
import { withHostnames } from "./hostnames.ts";
import type { NamingProblem } from "./problem.ts";
import { taggedHostnames } from "./tagged-service.ts";
import type { VipPools } from "./vip-pools.ts";
import { storedVip, vipHolder, withVip } from "./vips.ts";

/** What the names of a mesh's services are made of besides the services. */
export interface ServiceNamesOptions {
  readonly mesh: string;
  readonly generators: readonly HostnameGeneratorResource[];
  /** Shared by all meshes. */
  readonly pools: VipPools;
  /** The domain of the names of service tags. */
  readonly domain: string;
}

/** A service with its names and address, as far as it can have them. */
export interface NamedDraft<D> {
  readonly draft: D;
  readonly problems: readonly NamingProblem[];
}

/** The host names and addresses of one mesh's services, of all kinds. */
export class ServiceNames {
  readonly #mesh: string;
  readonly #pools: VipPools;
  readonly #domain: string;
  readonly #hostnames = new HostnameIndex();

  constructor({ mesh, generators, pools, domain }: ServiceNamesOptions) {
    this.#mesh = mesh;
    this.#pools = pools;
    this.#domain = domain;
    this.#hostnames.setGenerators(generators);
  }

  /** Takes in the zone's generators. Every service may have changed. */
  setGenerators(generators: readonly HostnameGeneratorResource[]): void {
    this.#hostnames.setGenerators(generators);
  }

  /** Takes in the address that the store has for a service. False where the store has given it to another before. */
  claim(type: AddressedType, service: Resource): boolean {
    const pool = this.#pools.of(type);
    const vip = storedVip(service, pool);
    return vip === undefined || pool.claim(vipHolder(service), vip);
  }

  /** Frees the address of a service. */
  release({ type, name }: ServiceName): void {
    this.#pools.of(type).release(vipHolder({ mesh: this.#mesh, name }));
  }

  /**
   * Takes in a service as it is or as it is about to be, or that it has gone. `creationTime` is `""` while the store
   * does not have it. Returns the other services whose host names may have changed.
   */
  set(
    { type, name }: ServiceName,
    service: AddressedDraft | undefined,
    creationTime: string,
  ): ReadonlySet<ServiceName> {
    if (service === undefined) return this.#hostnames.delete({ type, name });
    const { mesh, labels } = service;
    const fixed = type === "TaggedService" ? { fixed: taggedHostnames(name, this.#domain) } : {};
    return this.#hostnames.set({ type, mesh, name, labels, creationTime, ...fixed });
  }

  /** The service, which has been `set`, with its host names and its address. */
  named<D extends AddressedDraft>(service: ServiceName, draft: D): NamedDraft<D> {
    const { type, name } = service;
    const hostnamed = withHostnames(draft, this.#hostnames.outcomes(service));
    const named = withVip(hostnamed, this.#pools.of(type), (ip) => this.#pools.cover(ip));
    if (vipsOf(named).length > 0) return { draft: named, problems: [] };
    const message = `${type} "${name}" has no address, because the range ${VIP_SETTINGS[type]} is used up: remove services that are no longer needed, or configure a larger range`;
    const problem = { mesh: this.#mesh, type, name, reason: "AddressesExhausted", message } as const;
    return { draft: named, problems: [problem] };
  }

  /** Whether a document has an address of a pool that the stored one has not. */
  takesAddress(type: AddressedType, before: Resource | undefined, after: AddressedDraft): boolean {
    const pool = this.#pools.of(type);
    const vip = storedVip(after, pool);
    return vip !== undefined && vip !== (before && storedVip(before, pool));
  }
}
