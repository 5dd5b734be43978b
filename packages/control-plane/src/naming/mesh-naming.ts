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
import type { Write } from "../store/store.ts";
import { ServiceMembers } from "../view/service-members.ts";
import { ADDRESSED_TYPES, type AddressedDraft, type AddressedType } from "./addressed.ts";
import { DirtySet } from "./dirty-set.ts";
import { differInCountsOnly, type MeshServiceDraft, writeOf } from "./draft.ts";
import type { ServiceName } from "./hostname-index.ts";
import { type Derived, deriveMeshService } from "./meshservice-generator.ts";
import { MultiZoneMembers, withMeshServices } from "./multi-zone-members.ts";
import { NameGroups } from "./name-groups.ts";
import type { NamingProblem } from "./problem.ts";
import { ServiceNames } from "./service-names.ts";
import { type ServiceOffer, serviceOffers } from "./service-offer.ts";
import { withStatus } from "./service-status.ts";
import type { DataplaneFacts, NamingSettings } from "./settings.ts";
import { deriveTaggedService, type TaggedServiceResource } from "./tagged-service.ts";
import type { VipPools } from "./vip-pools.ts";
import { deriveWorkload } from "./workload-generator.ts";

/** The kinds that are derived here, or whose status is. */
export type DerivedType = AddressedType | "Workload";

const DERIVED_TYPES: readonly DerivedType[] = [...ADDRESSED_TYPES, "Workload"];

/** What came of looking at one derived resource. */
export interface Reconciled {
  /** Absent where the store has what it should. */
  readonly write?: Write;
  /** The write changes counts of proxies only, so it may wait. */
  readonly isCountsOnly: boolean;
  /** The write gives the resource an address of a pool that the stored one has not. */
  readonly takesAddress: boolean;
  readonly problems: readonly NamingProblem[];
  /** Milliseconds since the epoch at which to look again. */
  readonly lookAgainAt?: number;
}

/** What the derivation needs besides the store's documents. */
export interface NamingWorld {
  readonly facts: DataplaneFacts;
  readonly settings: NamingSettings;
  /** Shared by all meshes: an address is one service's in the whole zone. */
  readonly pools: VipPools;
}

interface Stored {
  readonly MeshService: Map<string, MeshServiceResource>;
  readonly MeshExternalService: Map<string, MeshExternalServiceResource>;
  readonly MeshMultiZoneService: Map<string, MeshMultiZoneServiceResource>;
  readonly TaggedService: Map<string, TaggedServiceResource>;
  readonly Workload: Map<string, WorkloadResource>;
}

/**
 * One mesh's dataplanes, services of all kinds and workloads, indexed so that a change marks only the derived resources
 * that it can affect, and the derivation of each. Does no I/O: `apply` takes in what the store says, `reconcile` tells
 * what to write. What `reconcile` tells depends only on what was applied, not on the order.
 */
export class MeshNaming {
  readonly #world: NamingWorld;
  readonly #name: string;
  #mesh: MeshResource | undefined;
  readonly #dataplanes = new Map<string, DataplaneResource>();
  readonly #stored: Stored = {
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
  readonly #names: ServiceNames;
  readonly #dirty: Readonly<Record<DerivedType, DirtySet>> = {
    MeshService: new DirtySet(),
    MeshExternalService: new DirtySet(),
    MeshMultiZoneService: new DirtySet(),
    TaggedService: new DirtySet(),
    Workload: new DirtySet(),
  };

  constructor(mesh: string, generators: readonly HostnameGeneratorResource[], world: NamingWorld) {
    this.#name = mesh;
    this.#world = world;
    const { pools, settings } = world;
    this.#names = new ServiceNames({ mesh, generators, pools, domain: settings.taggedServices.domain });
  }

  /** Whether the mesh has nothing left to look after. */
  get isEmpty(): boolean {
    return (
      this.#mesh === undefined &&
      this.#dataplanes.size === 0 &&
      DERIVED_TYPES.every((type) => this.#stored[type].size === 0)
    );
  }

  get isDirty(): boolean {
    return DERIVED_TYPES.some((type) => this.#dirty[type].size > 0);
  }

  /** Names to look at again, sorted, which are then no longer marked. */
  takeDirty(): readonly (readonly [DerivedType, string])[] {
    return DERIVED_TYPES.flatMap((type) =>
      this.#dirty[type]
        .takeAll()
        .toSorted()
        .map((name) => [type, name] as const),
    );
  }

  /** Marks one resource. */
  mark(type: DerivedType, name: string): void {
    this.#dirty[type].add(name);
  }

  /** Says that the stored document of this revision is one that `reconcile` told to write. */
  acknowledge(type: DerivedType, name: string, revision: number): void {
    this.#dirty[type].acknowledge(name, revision);
  }

  /** Marks every resource. */
  markAll(): void {
    for (const type of DERIVED_TYPES) this.#markAll(type, this.#stored[type].keys());
    this.#markOffered(this.#offers.names());
    this.#markAll("Workload", this.#byWorkload.names());
  }

  /** Marks what depends on the facts about one dataplane. */
  markDataplane(name: string): void {
    const dataplane = this.#dataplanes.get(name);
    if (dataplane === undefined) return;
    this.#markAll("MeshService", this.#members.servicesOf(dataplane));
    const workload = dataplane.labels[LABEL.workload];
    if (workload) this.mark("Workload", workload);
  }

  /** Takes in the zone's hostname generators. */
  setGenerators(generators: readonly HostnameGeneratorResource[]): void {
    this.#names.setGenerators(generators);
    for (const type of ADDRESSED_TYPES) this.#markAll(type, this.#stored[type].keys());
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
        this.#dirty.Workload.addStored(name, after?.revision ?? -1);
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

  /** What the store should be told about one resource. */
  reconcile(type: DerivedType, name: string, now: number): Reconciled {
    if (this.#mesh === undefined) return NOTHING;
    switch (type) {
      case "MeshService":
        return this.#reconcileMeshService(name, now);
      case "MeshExternalService": {
        const existing = this.#stored.MeshExternalService.get(name);
        return this.#named({ type, name }, existing, { draft: existing, problems: [] });
      }
      case "MeshMultiZoneService": {
        const existing = this.#stored.MeshMultiZoneService.get(name);
        const draft = existing && withMeshServices(existing, this.#multiZone.members(name));
        return this.#named({ type, name }, existing, { draft, problems: [] });
      }
      case "TaggedService":
        return this.#reconcileTaggedService(name, now);
      case "Workload":
        return this.#reconcileWorkload(name);
    }
  }

  /** Elsewhere than in a universal zone, others make services and workloads; they must not be deleted here. */
  get #generates(): boolean {
    const { mode, environment } = this.#world.settings.context;
    return mode === "zone" && environment === "universal";
  }

  get #serviceMode(): string {
    return this.#mesh?.spec.meshServices?.mode ?? "Disabled";
  }

  #reconcileMeshService(name: string, now: number): Reconciled {
    const { settings, facts } = this.#world;
    const existing = this.#stored.MeshService.get(name);
    const derived = this.#generates
      ? deriveMeshService({
          ...{ mesh: this.#name, name, existing, now, settings },
          enabled: this.#serviceMode !== "Disabled",
          offers: this.#offers.members(name),
        })
      : { draft: existing, problems: [] };
    const tlsEnabled =
      this.#identities.size > 0 ||
      (this.#mesh !== undefined && enabledMtlsBackend(this.#mesh.spec) !== undefined);
    return this.#named({ type: "MeshService", name }, existing, derived, (draft) =>
      withStatus(draft, { members: this.#members.members(name), tlsEnabled, facts }),
    );
  }

  #reconcileTaggedService(name: string, now: number): Reconciled {
    const { taggedServices, deletionGracePeriodMs } = this.#world.settings;
    const existing = this.#stored.TaggedService.get(name);
    const derived = deriveTaggedService({
      ...{ mesh: this.#name, name, existing, now, gracePeriodMs: deletionGracePeriodMs },
      enabled: this.#generates && taggedServices.enabled && this.#serviceMode !== "Exclusive",
      offers: this.#offers.members(name).filter(({ by }) => by === "tag"),
    });
    return this.#named({ type: "TaggedService", name }, existing, derived);
  }

  #reconcileWorkload(name: string): Reconciled {
    if (!this.#generates) return NOTHING;
    const existing = this.#stored.Workload.get(name);
    const dataplanes = this.#byWorkload.members(name);
    const { facts, settings } = this.#world;
    const derived = deriveWorkload({
      ...{ mesh: this.#name, name, dataplanes, existing, facts, settings },
    });
    return reconciled(existing, derived.draft, derived);
  }

  /**
   * A service of any kind with its names and its address, from what was derived of it otherwise. `refine` gets the
   * draft when the indexes know it.
   */
  #named<D extends AddressedDraft>(
    service: ServiceName,
    existing: Resource | undefined,
    derived: Derived<D>,
    refine: (draft: D) => D = (draft) => draft,
  ): Reconciled {
    const { type } = service;
    this.#index(service, derived.draft);
    if (derived.draft === undefined) {
      if (existing === undefined) this.#names.release(service);
      return reconciled(existing, undefined, derived);
    }
    const named = this.#names.named(service, refine(derived.draft));
    return reconciled(existing, named.draft, {
      ...derived,
      problems: [...derived.problems, ...named.problems],
      takesAddress: this.#names.takesAddress(type, existing, named.draft),
    });
  }

  #applyDataplane(before: DataplaneResource | undefined, after: DataplaneResource | undefined): void {
    const name = (after ?? before)?.name ?? "";
    const old = this.#dataplanes.get(name);
    if (after === undefined) this.#dataplanes.delete(name);
    else this.#dataplanes.set(name, after);
    this.#markAll("MeshService", this.#members.dataplaneChanged(old, after));
    const offers = (after === undefined ? [] : serviceOffers(after, this.#world.settings)).map(
      (each) => [each.service, each] as const,
    );
    this.#markOffered(this.#offers.set(name, offers));
    const label = after?.labels[LABEL.workload];
    const workloads = after !== undefined && label ? [[label, after] as const] : [];
    this.#markAll("Workload", this.#byWorkload.set(name, workloads));
  }

  #applyService(type: AddressedType, name: string, after: AddressedResource | undefined): void {
    const stored: Map<string, Resource> = this.#stored[type];
    this.#dirty[type].addStored(name, after?.revision ?? -1);
    if (after === undefined) {
      stored.delete(name);
      this.#names.release({ type, name });
    } else {
      stored.set(name, after);
      if (!this.#names.claim(type, after)) this.mark(type, name);
    }
    if (type === "MeshMultiZoneService") {
      const { spec } = (after as MeshMultiZoneServiceResource | undefined) ?? {};
      this.#multiZone.selectorChanged(name, spec && (spec.selector.meshService.matchLabels ?? {}));
    }
    if (this.#index({ type, name }, after) && after !== undefined) this.mark(type, name);
  }

  /**
   * Has the indexes know a service as it is or as it is about to be, so that its first document is complete: members,
   * hostnames and all. Marks the other services whose hostnames or members may have changed, and says whether there are
   * any with other hostnames: then its own may have, too. So may those of a service that we have just created: it was
   * taken for newer than all others, but the store's clock may have given it the age of another, or made it older.
   */
  #index(key: ServiceName, service: AddressedDraft | undefined): boolean {
    const { type, name } = key;
    if (type === "MeshService") this.#indexMembers(name, service as MeshServiceDraft | undefined);
    const creationTime = this.#stored[type].get(name)?.creationTime ?? "";
    const touched = this.#names.set(key, service, creationTime);
    for (const other of touched) this.mark(other.type, other.name);
    return touched.size > 0;
  }

  #indexMembers(name: string, service: MeshServiceDraft | undefined): void {
    this.#markAll("MeshMultiZoneService", this.#multiZone.serviceChanged(name, service));
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

  /** Marks what comes of the names that dataplanes offer. */
  #markOffered(names: Iterable<string>): void {
    for (const name of names) {
      this.mark("MeshService", name);
      this.mark("TaggedService", name);
    }
  }

  #markAll(type: DerivedType, names: Iterable<string>): void {
    for (const name of names) this.mark(type, name);
  }
}

/** Nothing to write and nothing to say. */
export const NOTHING: Reconciled = { isCountsOnly: false, takesAddress: false, problems: [] };

type AddressedResource = Extract<AddressedDraft, Resource>;

function reconciled(
  existing: Resource | undefined,
  draft: Parameters<typeof writeOf>[1],
  {
    problems,
    lookAgainAt,
    takesAddress = false,
  }: Pick<Reconciled, "problems" | "lookAgainAt"> & { readonly takesAddress?: boolean },
): Reconciled {
  const write = writeOf(existing, draft);
  return {
    ...(write === undefined ? {} : { write }),
    isCountsOnly: write !== undefined && differInCountsOnly(existing, draft),
    takesAddress,
    problems,
    ...(lookAgainAt === undefined ? {} : { lookAgainAt }),
  };
}

function isSameMesh(a: MeshResource | undefined, b: MeshResource | undefined): boolean {
  return (
    (a === undefined) === (b === undefined) &&
    isDeepStrictEqual(a?.spec.mtls, b?.spec.mtls) &&
    isDeepStrictEqual(a?.spec.meshServices, b?.spec.meshServices)
  );
}
