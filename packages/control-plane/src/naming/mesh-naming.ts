import type { HostnameGeneratorResource, Resource } from "@skein/model";
import type { AddressedDraft } from "./addressed.ts";
import type { ServiceName } from "./hostname-index.ts";
import type { DerivedType } from "./marks.ts";
import { MeshDocuments } from "./mesh-documents.ts";
import { type Derived, deriveMeshService } from "./meshservice-generator.ts";
import { withMeshServices } from "./multi-zone-members.ts";
import { NOTHING, type Reconciled, reconciled } from "./reconciled.ts";
import { withStatus } from "./service-status.ts";
import type { NamingWorld } from "./settings.ts";
import { deriveTaggedService } from "./tagged-service.ts";
import { deriveWorkload } from "./workload-generator.ts";

/**
 * The derivation of one mesh's services of all kinds and workloads. Does no I/O: `documents` takes in what the store says,
 * `reconcile` tells what to write. What `reconcile` tells depends only on what was applied, not on the order.
 */
export class MeshNaming {
  readonly documents: MeshDocuments;
  readonly #name: string;
  readonly #world: NamingWorld;

  constructor(mesh: string, generators: readonly HostnameGeneratorResource[], world: NamingWorld) {
    this.documents = new MeshDocuments(mesh, generators, world);
    this.#name = mesh;
    this.#world = world;
  }

  /** What the store should be told about one resource. */
  reconcile(type: DerivedType, name: string, now: number): Reconciled {
    if (this.documents.mesh === undefined) return NOTHING;
    switch (type) {
      case "MeshService":
        return this.#reconcileMeshService(name, now);
      case "MeshExternalService": {
        const existing = this.documents.stored("MeshExternalService", name);
        return this.#named({ type, name }, existing, { draft: existing, problems: [] });
      }
      case "MeshMultiZoneService": {
        const existing = this.documents.stored("MeshMultiZoneService", name);
        const draft = existing && withMeshServices(existing, this.documents.meshServices(name));
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
    return this.documents.mesh?.spec.meshServices?.mode ?? "Disabled";
  }

  #reconcileMeshService(name: string, now: number): Reconciled {
    const { settings, facts } = this.#world;
    const existing = this.documents.stored("MeshService", name);
    const derived = this.#generates
      ? deriveMeshService({
          ...{ mesh: this.#name, name, existing, now, settings },
          enabled: this.#serviceMode !== "Disabled",
          offers: this.documents.offers(name),
        })
      : { draft: existing, problems: [] };
    return this.#named({ type: "MeshService", name }, existing, derived, (draft) =>
      withStatus(draft, {
        members: this.documents.members(name),
        tlsEnabled: this.documents.isTlsEnabled,
        facts,
      }),
    );
  }

  #reconcileTaggedService(name: string, now: number): Reconciled {
    const { taggedServices, deletionGracePeriodMs } = this.#world.settings;
    const existing = this.documents.stored("TaggedService", name);
    const derived = deriveTaggedService({
      ...{ mesh: this.#name, name, existing, now, gracePeriodMs: deletionGracePeriodMs },
      enabled: this.#generates && taggedServices.enabled && this.#serviceMode !== "Exclusive",
      offers: this.documents.offers(name).filter(({ by }) => by === "tag"),
    });
    return this.#named({ type: "TaggedService", name }, existing, derived);
  }

  #reconcileWorkload(name: string): Reconciled {
    if (!this.#generates) return NOTHING;
    const existing = this.documents.stored("Workload", name);
    const dataplanes = this.documents.dataplanesOf(name);
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
    this.documents.set(service, derived.draft);
    if (derived.draft === undefined) {
      if (existing === undefined) this.documents.names.release(service);
      return reconciled(existing, undefined, derived);
    }
    const named = this.documents.names.named(service, refine(derived.draft));
    return reconciled(existing, named.draft, {
      ...derived,
      problems: [...derived.problems, ...named.problems],
      takesAddress: this.documents.names.takesAddress(type, existing, named.draft),
    });
  }
}
