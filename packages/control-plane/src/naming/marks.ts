import { ADDRESSED_TYPES, type AddressedType } from "./addressed.ts";
import { DirtySet } from "./dirty-set.ts";

/** The kinds that are derived here, or whose status is. */
export type DerivedType = AddressedType | "Workload";

/** All of them, in the order in which they are evaluated. */
export const DERIVED_TYPES: readonly DerivedType[] = [...ADDRESSED_TYPES, "Workload"];

/** The derived resources of a mesh that must be looked at again. */
export class Marks {
  readonly #dirty: Readonly<Record<DerivedType, DirtySet>> = {
    MeshService: new DirtySet(),
    MeshExternalService: new DirtySet(),
    MeshMultiZoneService: new DirtySet(),
    TaggedService: new DirtySet(),
    Workload: new DirtySet(),
  };

  get isEmpty(): boolean {
    return DERIVED_TYPES.every((type) => this.#dirty[type].size === 0);
  }

  /** Names to look at again, sorted, which are then no longer marked. */
  takeAll(): readonly (readonly [DerivedType, string])[] {
    return DERIVED_TYPES.flatMap((type) =>
      this.#dirty[type]
        .takeAll()
        .toSorted()
        .map((name) => [type, name] as const),
    );
  }

  /** Marks one resource. */
  add(type: DerivedType, name: string): void {
    this.#dirty[type].add(name);
  }

  /** Marks resources of one kind. */
  addAll(type: DerivedType, names: Iterable<string>): void {
    for (const name of names) this.add(type, name);
  }

  /** Marks what comes of the names that dataplanes offer. */
  addOffered(names: Iterable<string>): void {
    for (const name of names) {
      this.add("MeshService", name);
      this.add("TaggedService", name);
    }
  }

  /** Marks a resource because its stored document has changed, to this revision. */
  addStored(type: DerivedType, name: string, revision: number): void {
    this.#dirty[type].addStored(name, revision);
  }

  /** Says that the stored document of this revision is one that `reconcile` told to write. */
  acknowledge(type: DerivedType, name: string, revision: number): void {
    this.#dirty[type].acknowledge(name, revision);
  }
}
