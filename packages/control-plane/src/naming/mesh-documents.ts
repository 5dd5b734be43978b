import { isDeepStrictEqual } from "node:util";
import {
  type DataplaneResource,
  enabledMtlsBackend,
  type HostnameGeneratorResource,
  LABEL,
  type MeshExternalServiceResource,
  type MeshMultiZoneServiceResource,
  type MeshResource,
  type MeshServiceResource,
  type Resource,
  type WorkloadResource,
} from "@skein/model";
import { ServiceMembers } from "../view/service-members.ts";
import { ADDRESSED_TYPES, type AddressedDraft, type AddressedType } from "./addressed.ts";
import type { MeshServiceDraft } from "./draft.ts";
import type { ServiceName } from "./hostname-index.ts";
import { DERIVED_TYPES, type DerivedType, Marks } from "./marks.ts";
import { type MemberService, MultiZoneMembers } from "./multi-zone-members.ts";
import { NameGroups } from "./name-groups.ts";
import { ServiceNames } from "./service-names.ts";
import { type ServiceOffer, serviceOffers } from "./service-offer.ts";
import type { NamingWorld } from "./settings.ts";
import type { TaggedServiceResource } from "./tagged-service.ts";

interface DerivedResources {
  readonly MeshService: MeshServiceResource;
  readonly MeshExternalService: MeshExternalServiceResource;
  readonly MeshMultiZoneService: MeshMultiZoneServiceResource;
  readonly TaggedService: TaggedServiceResource;
  readonly Workload: WorkloadResource;
}

/**
 * One mesh's dataplanes, services of all kinds and workloads, indexed so that a change marks only the derived resources
 * that it can affect.
 */
export class MeshDocuments {
  /** What must be looked at again. */
  readonly marks = new Marks();
  /** Names and addresses of the services. */
  readonly names: ServiceNames;
  readonly #world: NamingWorld;
  #mesh: MeshResource | undefined;
  readonly #dataplanes = new Map<string, DataplaneResource>();
  readonly #stored: { readonly [T in DerivedType]: Map<string, DerivedResources[T]> } = {
    MeshService: new Map(),
    MeshExternalService: new Map(),
    MeshMultiZoneService: new Map(),
    TaggedService: new Map(),
    Workload: new Map(),
  };
  readonly #identities = new Set<string>();
  readonly #offers = new NameGroups<ServiceOffer>();
  readonly #byWorkload = new NameGroups<DataplaneResource>();
  readonly #members = new ServiceMembers();
  /** The services as `#members` knows them: stored ones, and those about to be. */
  readonly #selectors = new Map<string, MeshServiceResource>();
  readonly #multiZone = new MultiZoneMembers();

  constructor(mesh: string, generators: readonly HostnameGeneratorResource[], world: NamingWorld) {
    this.#world = world;
    const { pools, settings } = world;
    this.names = new ServiceNames({ mesh, generators, pools, domain: settings.taggedServices.domain });
  }

  /** Whether the mesh has nothing left to look after. */
  get isEmpty(): boolean {
    return (
      this.#mesh === undefined &&
      this.#dataplanes.size === 0 &&
      DERIVED_TYPES.every((type) => this.#stored[type].size === 0)
    );
  }

  /** The Mesh; `undefined` while there is none. */
  get mesh(): MeshResource | undefined {
    return this.#mesh;
  }

  /** Whether services of the mesh may be called with TLS: it has mTLS of its own or a MeshIdentity. */
  get isTlsEnabled(): boolean {
    return (
      this.#identities.size > 0 ||
      (this.#mesh !== undefined && enabledMtlsBackend(this.#mesh.spec) !== undefined)
    );
  }

  /** The document that the store has. */
  stored<T extends DerivedType>(type: T, name: string): DerivedResources[T] | undefined {
    return this.#stored[type].get(name);
  }

  /** What dataplanes offer under a name. */
  offers(name: string): readonly ServiceOffer[] {
    return this.#offers.members(name);
  }

  /** The dataplanes of a MeshService. */
  members(service: string): readonly DataplaneResource[] {
    return this.#members.members(service);
  }

  /** The MeshServices of a MeshMultiZoneService. */
  meshServices(multiZone: string): readonly MemberService[] {
    return this.#multiZone.members(multiZone);
  }

  /** The dataplanes of a Workload. */
  dataplanesOf(workload: string): readonly DataplaneResource[] {
    return this.#byWorkload.members(workload);
  }

  /** Takes in one change of a resource of this mesh, or of the mesh. Other kinds are ignored. */
  apply(before: Resource | undefined, after: Resource | undefined): void {
    const { type, name } = after ?? before ?? {};
    if (name === undefined) return;
    switch (type) {
      case "Dataplane":
        this.#applyDataplane(before as DataplaneResource | undefined, after as DataplaneResource | undefined);
        break;
      case "MeshService":
      case "MeshExternalService":
      case "MeshMultiZoneService":
      case "TaggedService":
        this.#applyService(type, name, after as AddressedResource | undefined);
        break;
      case "Workload":
        if (after === undefined) this.#stored.Workload.delete(name);
        else this.#stored.Workload.set(name, after as WorkloadResource);
        this.marks.addStored("Workload", name, after?.revision ?? -1);
        break;
      case "MeshIdentity":
        if (after === undefined) this.#identities.delete(name);
        else this.#identities.add(name);
        this.markAll();
        break;
      case "MeshTrust":
        this.markAll();
        break;
      case "Mesh": {
        const old = this.#mesh;
        this.#mesh = after as MeshResource | undefined;
        if (!isSameMesh(old, this.#mesh)) this.markAll();
      }
    }
  }

  /**
   * Has the indexes know a service as it is or as it is about to be, so that its first document is complete: members,
   * hostnames and all. Marks the other services whose hostnames or members may have changed, and says whether there are
   * any with other hostnames: then its own may have, too. So may those of a service that we have just created: it was
   * taken for newer than all others, but the store's clock may have given it the age of another, or made it older.
   */
  set(key: ServiceName, service: AddressedDraft | undefined): boolean {
    const { type, name } = key;
    if (type === "MeshService") this.#indexMembers(name, service as MeshServiceDraft | undefined);
    const creationTime = this.#stored[type].get(name)?.creationTime ?? "";
    const touched = this.names.set(key, service, creationTime);
    for (const other of touched) this.marks.add(other.type, other.name);
    return touched.size > 0;
  }

  /** Takes in the zone's hostname generators. */
  setGenerators(generators: readonly HostnameGeneratorResource[]): void {
    this.names.setGenerators(generators);
    for (const type of ADDRESSED_TYPES) this.marks.addAll(type, this.#stored[type].keys());
  }

  /** Marks every resource. */
  markAll(): void {
    for (const type of DERIVED_TYPES) this.marks.addAll(type, this.#stored[type].keys());
    this.marks.addOffered(this.#offers.names());
    this.marks.addAll("Workload", this.#byWorkload.names());
  }

  /** Marks what depends on the facts about one dataplane. */
  markDataplane(name: string): void {
    const dataplane = this.#dataplanes.get(name);
    if (dataplane === undefined) return;
    this.marks.addAll("MeshService", this.#members.servicesOf(dataplane));
    const workload = dataplane.labels[LABEL.workload];
    if (workload) this.marks.add("Workload", workload);
  }

  #applyDataplane(before: DataplaneResource | undefined, after: DataplaneResource | undefined): void {
    const name = (after ?? before)?.name ?? "";
    const old = this.#dataplanes.get(name);
    if (after === undefined) this.#dataplanes.delete(name);
    else this.#dataplanes.set(name, after);
    this.marks.addAll("MeshService", this.#members.dataplaneChanged(old, after));
    const offers = (after === undefined ? [] : serviceOffers(after, this.#world.settings)).map(
      (each) => [each.service, each] as const,
    );
    this.marks.addOffered(this.#offers.set(name, offers));
    const label = after?.labels[LABEL.workload];
    const workloads = after !== undefined && label ? [[label, after] as const] : [];
    this.marks.addAll("Workload", this.#byWorkload.set(name, workloads));
  }

  #applyService(type: AddressedType, name: string, after: AddressedResource | undefined): void {
    const stored: Map<string, Resource> = this.#stored[type];
    this.marks.addStored(type, name, after?.revision ?? -1);
    if (after === undefined) {
      stored.delete(name);
      this.names.release({ type, name });
    } else {
      stored.set(name, after);
      if (!this.names.claim(type, after)) this.marks.add(type, name);
    }
    if (type === "MeshMultiZoneService") {
      const { spec } = (after as MeshMultiZoneServiceResource | undefined) ?? {};
      this.#multiZone.selectorChanged(name, spec && (spec.selector.meshService.matchLabels ?? {}));
    }
    if (this.set({ type, name }, after) && after !== undefined) this.marks.add(type, name);
  }

  #indexMembers(name: string, service: MeshServiceDraft | undefined): void {
    this.marks.addAll("MeshMultiZoneService", this.#multiZone.serviceChanged(name, service));
    const known = this.#selectors.get(name);
    if (service === undefined) {
      this.#members.serviceChanged(known, undefined);
      this.#selectors.delete(name);
    } else if (known === undefined || !isDeepStrictEqual(known.spec.selector, service.spec.selector)) {
      const next = { creationTime: "", modificationTime: "", revision: 0, ...service };
      this.#members.serviceChanged(known, next);
      this.#selectors.set(name, next);
    }
  }
}

type AddressedResource = Extract<AddressedDraft, Resource>;

function isSameMesh(a: MeshResource | undefined, b: MeshResource | undefined): boolean {
  return (
    (a === undefined) === (b === undefined) &&
    isDeepStrictEqual(a?.spec.mtls, b?.spec.mtls) &&
    isDeepStrictEqual(a?.spec.meshServices, b?.spec.meshServices)
  );
}
