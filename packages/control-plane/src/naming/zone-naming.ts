import {
  type DataplaneInsightResource,
  type HostnameGeneratorResource,
  isOnline,
  keyString,
  type Resource,
  type ResourceKey,
} from "@skein/model";
import type { Change, Write } from "../store/store.ts";
import { ADDRESSED_TYPES } from "./addressed.ts";
import type { DerivedType } from "./marks.ts";
import { MeshNaming } from "./mesh-naming.ts";
import type { NamingProblem } from "./problem.ts";
import { NOTHING, type Reconciled } from "./reconciled.ts";
import type { NamingWorld } from "./settings.ts";
import { resumeTurns, turnsWrite, VIP_TURNS } from "./vip-turns.ts";

/** A derived resource. */
export interface DerivedKey extends ResourceKey {
  readonly type: DerivedType;
}

/** The kinds whose changes matter here, in the order in which a first reading of the store should tell them. */
export const WATCHED_TYPES = [
  VIP_TURNS,
  "HostnameGenerator",
  "Mesh",
  "MeshIdentity",
  "MeshTrust",
  "Dataplane",
  ...ADDRESSED_TYPES,
  "Workload",
] as const;

/** All meshes of a zone: passes changes on to the mesh they concern, and keeps what came of each reconciliation. */
export class ZoneNaming {
  readonly #world: NamingWorld;
  readonly #meshes = new Map<string, MeshNaming>();
  readonly #generators = new Map<string, HostnameGeneratorResource>();
  readonly #problems = new Map<string, readonly NamingProblem[]>();
  readonly #due = new Map<string, { readonly key: DerivedKey; readonly at: number }>();
  readonly #withoutAddress = new Map<string, DerivedKey>();
  #turnsRevision: number | undefined;

  constructor(world: NamingWorld) {
    this.#world = world;
  }

  get isDirty(): boolean {
    for (const { documents } of this.#meshes.values()) if (!documents.marks.isEmpty) return true;
    return false;
  }

  /** The earliest time at which something is to be looked at though nothing changes. */
  get nextDue(): number | undefined {
    let next: number | undefined;
    for (const { at } of this.#due.values()) next = Math.min(at, next ?? at);
    return next;
  }

  /** What is wrong at present, by mesh and name. */
  problems(): readonly NamingProblem[] {
    return [...this.#problems].sort(([a], [b]) => (a < b ? -1 : 1)).flatMap(([, problems]) => problems);
  }

  /** Takes in changes, in the order of the store. */
  apply(changes: readonly Pick<Change, "before" | "after">[]): void {
    const { releases } = this.#world.pools;
    let generatorsChanged = false;
    for (const { before, after } of changes) {
      const resource = after ?? before;
      if (resource === undefined) continue;
      if (resource.type === "HostnameGenerator") {
        if (after === undefined) this.#generators.delete(resource.name);
        else this.#generators.set(after.name, after as HostnameGeneratorResource);
        generatorsChanged = true;
      } else if (resource.type === VIP_TURNS) {
        this.#turnsRevision = after?.revision;
        if (after !== undefined) resumeTurns(this.#world.pools, after);
      } else if (resource.type === "DataplaneInsight") {
        if (isOtherConnection(before, after)) this.wake(resource.mesh, resource.name);
      } else if (WATCHED_TYPES.some((type) => type === resource.type)) {
        this.#mesh(resource.type === "Mesh" ? resource.name : resource.mesh).documents.apply(before, after);
      }
    }
    if (generatorsChanged) {
      for (const { documents } of this.#meshes.values()) {
        documents.setGenerators([...this.#generators.values()]);
      }
    }
    this.#markWaiting(releases);
  }

  /** Revision of the stored turns; `undefined` while there are none. */
  get turnsRevision(): number | undefined {
    return this.#turnsRevision;
  }

  /** What belongs into each transaction that gives out addresses; it fails when another was faster. */
  turnsWrite(revision: number | undefined): Write {
    return turnsWrite(this.#world.pools, revision);
  }

  /** Marks what depends on the facts about one dataplane, or about all of a mesh. */
  wake(mesh: string, dataplane?: string): void {
    if (dataplane === undefined) this.#meshes.get(mesh)?.documents.markAll();
    else this.#meshes.get(mesh)?.documents.markDataplane(dataplane);
  }

  /** Marks one derived resource. */
  mark(key: DerivedKey): void {
    this.#meshes.get(key.mesh)?.documents.marks.add(key.type, key.name);
  }

  /** Marks what is due by now. */
  markDue(now: number): void {
    for (const [id, { key, at }] of this.#due) {
      if (at > now) continue;
      this.#due.delete(id);
      this.mark(key);
    }
  }

  /** Says that the stored document of this revision is one that `reconcile` told to write. */
  acknowledge(key: DerivedKey, revision: number): void {
    this.#meshes.get(key.mesh)?.documents.marks.acknowledge(key.type, key.name, revision);
  }

  /** The resources to look at again, which are then no longer marked. */
  takeDirty(): readonly DerivedKey[] {
    return [...this.#meshes].flatMap(([mesh, { documents }]) => {
      const keys = documents.marks.takeAll().map(([type, name]) => ({ type, mesh, name }));
      if (documents.isEmpty) this.#meshes.delete(mesh);
      return keys;
    });
  }

  /** What the store should be told about one resource. */
  reconcile(key: DerivedKey, now: number): Reconciled {
    const id = keyString(key);
    const { releases } = this.#world.pools;
    const result = this.#meshes.get(key.mesh)?.reconcile(key.type, key.name, now) ?? NOTHING;
    if (result.problems.length === 0) this.#problems.delete(id);
    else this.#problems.set(id, result.problems);
    if (result.lookAgainAt === undefined) this.#due.delete(id);
    else this.#due.set(id, { key, at: result.lookAgainAt });
    if (result.problems.some(({ reason }) => reason === "AddressesExhausted"))
      this.#withoutAddress.set(id, key);
    else this.#withoutAddress.delete(id);
    this.#markWaiting(releases);
    return result;
  }

  /** An address that came free is for those that wait for one. */
  #markWaiting(releasesBefore: number): void {
    if (this.#world.pools.releases === releasesBefore) return;
    for (const key of this.#withoutAddress.values()) this.mark(key);
  }

  #mesh(name: string): MeshNaming {
    const known = this.#meshes.get(name);
    if (known !== undefined) return known;
    const mesh = new MeshNaming(name, [...this.#generators.values()], this.#world);
    this.#meshes.set(name, mesh);
    return mesh;
  }
}

function isOtherConnection(before: Resource | undefined, after: Resource | undefined): boolean {
  const [old, now] = [before, after].map(
    (insight) => (insight as DataplaneInsightResource | undefined)?.spec,
  );
  return (
    isOnline(old?.subscriptions) !== isOnline(now?.subscriptions) ||
    old?.mTLS?.issuedBackend !== now?.mTLS?.issuedBackend
  );
}
