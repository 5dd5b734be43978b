import { type DataplaneResource, SERVICE_TAG } from "@skein/model";
import type { DirectAccessPlan, DirectAccessTlsPlan } from "@skein/policies";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import type { DataplaneIdentity } from "./identities.ts";

/** Stands for every service of the mesh. */
const EVERY_SERVICE = "*";

/** An instance that can be called by its own address. */
interface Instance {
  readonly dataplane: string;
  readonly address: string;
  readonly port: number;
  readonly acceptsTls: boolean;
}

/** What a caller's plan says of the instances that it calls by their addresses. */
export interface DirectAccessInputs {
  readonly dataplane: string;
  readonly services: readonly string[];
  readonly tls: DirectAccessTlsPlan | undefined;
  /** Addresses with ports that listeners of the proxy's own have: `address port`. */
  readonly taken: ReadonlySet<string>;
}

/** Finds the instances of `directAccessServices`. Who asks for a service shares what was found with all who do. */
export class DirectAccess {
  readonly #view: MeshView;
  readonly #identity: { at(dataplane: string): Readable<DataplaneIdentity> };
  readonly #instances: { at(service: string): Readable<readonly Instance[]> };

  constructor(
    graph: Graph,
    view: MeshView,
    identity: { at(dataplane: string): Readable<DataplaneIdentity> },
  ) {
    this.#view = view;
    this.#identity = identity;
    this.#instances = graph.family<string, readonly Instance[]>(
      (service) => this.#members(service).flatMap((member) => this.#of(member, service)),
      (a, b) => JSON.stringify(a) === JSON.stringify(b),
    );
  }

  /** The instances that a caller reaches by their addresses, sorted; and the services that have none. */
  plan({ dataplane, services, tls, taken }: DirectAccessInputs): {
    readonly instances: readonly DirectAccessPlan[];
    readonly unknown: readonly string[];
  } {
    const found = new Map<string, DirectAccessPlan>();
    const unknown: string[] = [];
    for (const service of services) {
      const instances = this.#instances.at(service).get();
      if (instances.length === 0) unknown.push(service);
      for (const { address, port, acceptsTls, ...instance } of instances) {
        const key = `${address} ${port}`;
        if (instance.dataplane === dataplane || taken.has(key)) continue;
        found.set(key, { address, port, tls: acceptsTls ? tls : undefined });
      }
    }
    const instances = [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, plan]) => plan);
    return { instances, unknown };
  }

  #members(service: string): readonly DataplaneResource[] {
    if (service === EVERY_SERVICE) {
      return this.#view.dataplaneSet.get().flatMap((name) => this.#view.dataplane.at(name).get() ?? []);
    }
    const members = new Map<string, DataplaneResource>();
    for (const list of [this.#view.members.at(service), this.#view.tagged.at(service)])
      for (const member of list.get()) members.set(member.name, member);
    return [...members.values()];
  }

  /** Inbounds with a service tag belong to that service; others to every service that selects their proxy. */
  #of({ name, spec }: DataplaneResource, service: string): readonly Instance[] {
    const networking = spec.networking;
    const { acceptsTls } = this.#identity.at(name).get();
    return (networking?.inbound ?? []).flatMap((inbound) => {
      const tag = inbound.tags?.[SERVICE_TAG];
      if (inbound.state === "Ignored") return [];
      if (service !== EVERY_SERVICE && tag !== undefined && tag !== service) return [];
      const addresses = new Set([inbound.address || networking?.address, networking?.advertisedAddress]);
      return [...addresses].flatMap((address) =>
        address === undefined || address === ""
          ? []
          : [{ dataplane: name, address, port: inbound.port, acceptsTls }],
      );
    });
  }
}
