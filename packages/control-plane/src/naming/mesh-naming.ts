import { isDeepStrictEqual } from "node:util";
import {
  type DataplaneResource,
  enabledMtlsBackend,
  type HostnameGeneratorResource,
  LABEL,
  type MeshResource,
  type MeshServiceResource,
  type Resource,
  type WorkloadResource,
} from "@skein/model";
import type { Write } from "../store/store.ts";
import { ServiceMembers } from "../view/service-members.ts";
import { DirtySet } from "./dirty-set.ts";
import { differInCountsOnly, type MeshServiceDraft, writeOf } from "./draft.ts";
import { HostnameIndex } from "./hostname-index.ts";
import { withHostnames } from "./hostnames.ts";
import { deriveMeshService } from "./meshservice-generator.ts";
import { NameGroups } from "./name-groups.ts";
import type { NamingProblem } from "./problem.ts";
import { type ServiceOffer, serviceOffers } from "./service-offer.ts";
import { withStatus } from "./service-status.ts";
import type { DataplaneFacts, NamingSettings } from "./settings.ts";
import { storedVip, type VipPool, vipHolder, withVip } from "./vips.ts";
import { deriveWorkload } from "./workload-generator.ts";

/** The kinds that are derived here. */
export type DerivedType = "MeshService" | "Workload";

/** What came of looking at one derived resource. */
export interface Reconciled {
  /** Absent where the store has what it should. */
  readonly write?: Write;
  /** The write changes counts of proxies only, so it may wait. */
  readonly isCountsOnly: boolean;
  readonly problems: readonly NamingProblem[];
  /** Milliseconds since the epoch at which to look again. */
  readonly lookAgainAt?: number;
}

/** What the derivation needs besides the store's documents. */
export interface NamingWorld {
  readonly facts: DataplaneFacts;
  readonly settings: NamingSettings;
  /** Shared by all meshes: an address is one service's in the whole zone. */
  readonly pool: VipPool;
}

/**
 * One mesh's dataplanes, services and workloads, indexed so that a change marks only the derived resources that it can
 * affect, and the derivation of each. Does no I/O: `apply` takes in what the store says, `reconcile` tells what to
 * write. What `reconcile` tells depends only on what was applied, not on the order.
 */
export class MeshNaming {
  readonly #world: NamingWorld;
  readonly #name: string;
  #mesh: MeshResource | undefined;
  readonly #dataplanes = new Map<string, DataplaneResource>();
  readonly #services = new Map<string, MeshServiceResource>();
  readonly #workloads = new Map<string, WorkloadResource>();
  readonly #identities = new Set<string>();
  readonly #offers = new NameGroups<ServiceOffer>();
  readonly #byWorkload = new NameGroups<DataplaneResource>();
  readonly #members = new ServiceMembers();
  /** The services as `#members` knows them: stored ones, and those about to be. */
  readonly #selectors = new Map<string, MeshServiceResource>();
  readonly #hostnames = new HostnameIndex("meshService");
  readonly #dirty: Readonly<Record<DerivedType, DirtySet>> = {
    MeshService: new DirtySet(),
    Workload: new DirtySet(),
  };

  constructor(mesh: string, generators: readonly HostnameGeneratorResource[], world: NamingWorld) {
    this.#name = mesh;
    this.#world = world;
    this.#hostnames.setGenerators(generators);
  }

  /** Whether the mesh has nothing left to look after. */
  get isEmpty(): boolean {
    return (
      this.#mesh === undefined && this.#dataplanes.size + this.#services.size + this.#workloads.size === 0
    );
  }

  get isDirty(): boolean {
    return this.#dirty.MeshService.size + this.#dirty.Workload.size > 0;
  }

  /** Names to look at again, sorted, which are then no longer marked. */
  takeDirty(): readonly (readonly [DerivedType, string])[] {
    return (["MeshService", "Workload"] as const).flatMap((type) =>
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
    for (const name of this.#services.keys()) this.mark("MeshService", name);
    for (const name of this.#offers.names()) this.mark("MeshService", name);
    for (const name of this.#workloads.keys()) this.mark("Workload", name);
    for (const name of this.#byWorkload.names()) this.mark("Workload", name);
  }

  /** Marks what depends on the facts about one dataplane. */
  markDataplane(name: string): void {
    const dataplane = this.#dataplanes.get(name);
    if (dataplane === undefined) return;
    for (const service of this.#members.servicesOf(dataplane)) this.mark("MeshService", service);
    const workload = dataplane.labels[LABEL.workload];
    if (workload) this.mark("Workload", workload);
  }

  /** Takes in the zone's hostname generators. */
  setGenerators(generators: readonly HostnameGeneratorResource[]): void {
    this.#hostnames.setGenerators(generators);
    for (const name of this.#services.keys()) this.mark("MeshService", name);
  }

  /** Takes in one change of a resource of this mesh, or of the mesh. Other kinds are ignored. */
  apply(before: Resource | undefined, after: Resource | undefined): void {
    const { type, name } = after ?? before ?? {};
    if (name === undefined) return;
    if (type === "Dataplane") {
      this.#applyDataplane(before as DataplaneResource | undefined, after as DataplaneResource | undefined);
    } else if (type === "MeshService") {
      this.#applyService(name, after as MeshServiceResource | undefined);
    } else if (type === "Workload") {
      if (after === undefined) this.#workloads.delete(name);
      else this.#workloads.set(name, after as WorkloadResource);
      this.#dirty.Workload.addStored(name, after?.revision ?? -1);
    } else if (type === "MeshIdentity") {
      if (after === undefined) this.#identities.delete(name);
      else this.#identities.add(name);
      this.markAll();
    } else if (type === "MeshTrust") {
      this.markAll();
    } else if (type === "Mesh") {
      const old = this.#mesh;
      this.#mesh = after as MeshResource | undefined;
      if (!isSameMesh(old, this.#mesh)) this.markAll();
    }
  }

  /** What the store should be told about one resource. */
  reconcile(type: DerivedType, name: string, now: number): Reconciled {
    if (this.#mesh === undefined) return { isCountsOnly: false, problems: [] };
    return type === "MeshService" ? this.#reconcileService(name, now) : this.#reconcileWorkload(name);
  }

  /** Elsewhere than in a universal zone, others make services and workloads; they must not be deleted here. */
  get #generates(): boolean {
    const { mode, environment } = this.#world.settings.context;
    return mode === "zone" && environment === "universal";
  }

  #reconcileService(name: string, now: number): Reconciled {
    const { settings, facts, pool } = this.#world;
    const existing = this.#services.get(name);
    const derived = this.#generates
      ? deriveMeshService({
          ...{ mesh: this.#name, name, existing, now, settings },
          enabled: (this.#mesh?.spec.meshServices?.mode ?? "Disabled") !== "Disabled",
          offers: this.#offers.members(name),
        })
      : { draft: existing, problems: [] };
    this.#index(name, derived.draft);
    if (derived.draft === undefined) {
      if (existing === undefined) this.#release(name);
      return reconciled(existing, undefined, derived.problems, derived.lookAgainAt);
    }
    const tlsEnabled =
      this.#identities.size > 0 ||
      (this.#mesh !== undefined && enabledMtlsBackend(this.#mesh.spec) !== undefined);
    const counted = withStatus(derived.draft, { members: this.#members.members(name), tlsEnabled, facts });
    const named = withHostnames(counted, this.#hostnames.outcomes(name));
    const draft = withVip(named, pool);
    const problems = [...derived.problems];
    if ((draft.status?.vips ?? []).length === 0) {
      const message = `MeshService "${name}" has no address, because the range ipam.meshService.cidr is used up: remove services that are no longer needed, or configure a larger range`;
      problems.push({ mesh: this.#name, type: "MeshService", name, reason: "AddressesExhausted", message });
    }
    return reconciled(existing, draft, problems, derived.lookAgainAt);
  }

  #reconcileWorkload(name: string): Reconciled {
    if (!this.#generates) return { isCountsOnly: false, problems: [] };
    const existing = this.#workloads.get(name);
    const dataplanes = this.#byWorkload.members(name);
    const { facts, settings } = this.#world;
    const { draft, problems } = deriveWorkload({
      ...{ mesh: this.#name, name, dataplanes, existing, facts, settings },
    });
    return reconciled(existing, draft, problems);
  }

  #applyDataplane(before: DataplaneResource | undefined, after: DataplaneResource | undefined): void {
    const name = (after ?? before)?.name ?? "";
    const old = this.#dataplanes.get(name);
    if (after === undefined) this.#dataplanes.delete(name);
    else this.#dataplanes.set(name, after);
    for (const service of this.#members.dataplaneChanged(old, after)) this.mark("MeshService", service);
    const offers = (after === undefined ? [] : serviceOffers(after)).map(
      (each) => [each.service, each] as const,
    );
    for (const service of this.#offers.set(name, offers)) this.mark("MeshService", service);
    const label = after?.labels[LABEL.workload];
    const workloads = after !== undefined && label ? [[label, after] as const] : [];
    for (const workload of this.#byWorkload.set(name, workloads)) this.mark("Workload", workload);
  }

  #applyService(name: string, after: MeshServiceResource | undefined): void {
    if (after === undefined) {
      this.#services.delete(name);
      this.#release(name);
    } else {
      this.#services.set(name, after);
      const vip = storedVip(after.status, this.#world.pool);
      if (vip !== undefined) this.#world.pool.claim(vipHolder(after), vip);
    }
    const hostnamesMoved = this.#index(name, after);
    this.#dirty.MeshService.addStored(name, after?.revision ?? -1);
    if (hostnamesMoved && after !== undefined) this.mark("MeshService", name);
  }

  /**
   * Has the indexes know a service as it is or as it is about to be, so that its first document is complete: members,
   * hostnames and all. Marks the other services whose hostnames may have changed, and says whether there are any: then
   * its own may have, too. So may those of a service that we have just created: it was taken for newer than all others,
   * but the store's clock may have given it the age of another, or made it older.
   */
  #index(name: string, service: MeshServiceDraft | undefined): boolean {
    if (service === undefined) {
      this.#members.serviceChanged(this.#selectors.get(name), undefined);
      this.#selectors.delete(name);
      return this.#markServices(this.#hostnames.delete(name));
    }
    const known = this.#selectors.get(name);
    if (known === undefined || !isDeepStrictEqual(known.spec.selector, service.spec.selector)) {
      const next = { creationTime: "", modificationTime: "", revision: 0, ...service };
      this.#members.serviceChanged(known, next);
      this.#selectors.set(name, next);
    }
    const creationTime = this.#services.get(name)?.creationTime ?? "";
    const { mesh, labels } = service;
    return this.#markServices(this.#hostnames.set({ mesh, name, labels, creationTime }));
  }

  #markServices(names: ReadonlySet<string>): boolean {
    for (const name of names) this.mark("MeshService", name);
    return names.size > 0;
  }

  #release(name: string): void {
    this.#world.pool.release(vipHolder({ mesh: this.#name, name }));
  }
}

function reconciled(
  existing: Resource | undefined,
  draft: Parameters<typeof writeOf>[1],
  problems: readonly NamingProblem[],
  lookAgainAt?: number,
): Reconciled {
  const write = writeOf(existing, draft);
  return {
    ...(write === undefined ? {} : { write }),
    isCountsOnly: write !== undefined && differInCountsOnly(existing, draft),
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
