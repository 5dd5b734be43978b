import type { Resource, ResourceKey } from "@skein/model";
import { keyString } from "@skein/model/resource";
import type { Listing } from "./store.ts";

/**
 * Every document of a store in memory, found by key, by kind and by owner. Knows nothing of transactions, clocks or
 * disks: it is told what replaces what, and telling it the other way round takes a step back.
 */
export class MemoryIndex {
  readonly #kinds = new Map<string, Kind>();
  readonly #owned = new Map<string, Map<string, Resource>>();
  #size = 0;

  /** Number of documents. */
  get size(): number {
    return this.#size;
  }

  get(key: ResourceKey): Resource | undefined {
    return this.#kinds.get(key.type)?.meshes.get(key.mesh)?.byName.get(key.name);
  }

  /** Sorted by mesh, then name, by code unit. The same frozen array until a document of the listing changes. */
  list({ type, mesh }: Listing): readonly Resource[] {
    const kind = this.#kinds.get(type);
    if (!kind) return NONE;
    if (mesh !== undefined) {
      const bucket = kind.meshes.get(mesh);
      return bucket ? listBucket(bucket) : NONE;
    }
    if (kind.sorted) return kind.sorted;
    const buckets = [...kind.meshes].sort(([a], [b]) => compare(a, b));
    const sorted: readonly Resource[] = Object.freeze(buckets.flatMap(([, bucket]) => listBucket(bucket)));
    kind.sorted = sorted;
    return sorted;
  }

  /** The documents that go when `key` goes, in key order. */
  ownedBy(key: ResourceKey): readonly Resource[] {
    const owned = this.#owned.get(keyString(key));
    if (!owned) return NONE;
    return [...owned].sort(([a], [b]) => compare(a, b)).map(([, resource]) => resource);
  }

  /** Puts `after` where `before` was. Both are of one key; absent means that there is no document. */
  replace(before: Resource | undefined, after: Resource | undefined): void {
    if (before) this.#disown(before);
    if (after) {
      this.#place(after, before === undefined);
      this.#own(after);
    } else if (before) {
      this.#remove(before);
    }
  }

  #place(resource: Resource, isNew: boolean): void {
    let kind = this.#kinds.get(resource.type);
    if (!kind) {
      kind = { meshes: new Map(), sorted: undefined };
      this.#kinds.set(resource.type, kind);
    }
    let bucket = kind.meshes.get(resource.mesh);
    if (!bucket) {
      bucket = { byName: new Map(), isOrdered: true, sorted: undefined };
      kind.meshes.set(resource.mesh, bucket);
    }
    bucket.byName.set(resource.name, resource);
    bucket.sorted = undefined;
    kind.sorted = undefined;
    if (isNew) {
      bucket.isOrdered = false;
      this.#size++;
    }
  }

  #remove(resource: Resource): void {
    const kind = this.#kinds.get(resource.type);
    const bucket = kind?.meshes.get(resource.mesh);
    if (!kind || !bucket?.byName.delete(resource.name)) return;
    this.#size--;
    bucket.sorted = undefined;
    kind.sorted = undefined;
    if (bucket.byName.size === 0) kind.meshes.delete(resource.mesh);
    if (kind.meshes.size === 0) this.#kinds.delete(resource.type);
  }

  #own(resource: Resource): void {
    if (!resource.owner) return;
    const owner = keyString(resource.owner);
    const owned = this.#owned.get(owner) ?? new Map<string, Resource>();
    owned.set(keyString(resource), resource);
    this.#owned.set(owner, owned);
  }

  #disown(resource: Resource): void {
    if (!resource.owner) return;
    const owner = keyString(resource.owner);
    const owned = this.#owned.get(owner);
    owned?.delete(keyString(resource));
    if (owned?.size === 0) this.#owned.delete(owner);
  }
}

interface Kind {
  readonly meshes: Map<string, Bucket>;
  sorted: readonly Resource[] | undefined;
}

interface Bucket {
  /** In name order while `isOrdered`: updates keep their place, so only new names cost a sort. */
  byName: Map<string, Resource>;
  isOrdered: boolean;
  sorted: readonly Resource[] | undefined;
}

const NONE: readonly Resource[] = Object.freeze([]);

function listBucket(bucket: Bucket): readonly Resource[] {
  if (bucket.sorted) return bucket.sorted;
  if (!bucket.isOrdered) {
    bucket.byName = new Map([...bucket.byName].sort(([a], [b]) => compare(a, b)));
    bucket.isOrdered = true;
  }
  const sorted: readonly Resource[] = Object.freeze([...bucket.byName.values()]);
  bucket.sorted = sorted;
  return sorted;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
