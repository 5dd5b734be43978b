import type { NewResource, Resource, ResourceKey } from "@skein/model";

/** What happened to one resource. Both sides are whole documents, so a reader never has to ask the store again. */
export interface Change {
  readonly revision: number;
  readonly before: Resource | undefined;
  readonly after: Resource | undefined;
}

/** One write of a transaction. */
export type Write =
  | { readonly op: "create"; readonly resource: NewResource }
  /** `ifRevision` is what the writer read: another value in the store is a conflict. */
  | { readonly op: "update"; readonly resource: NewResource; readonly ifRevision: number }
  /** Create or replace, without a check: last write wins. */
  | { readonly op: "put"; readonly resource: NewResource }
  | { readonly op: "delete"; readonly key: ResourceKey; readonly ifRevision?: number };

export interface Committed {
  /** Every change the transaction made, cascaded deletes included, in order. A write that changes nothing makes none. */
  readonly changes: readonly Change[];
  /** The store's revision after it: the change id that answers carry. */
  readonly revision: number;
}

export interface Listing {
  readonly type: string;
  /** All meshes where absent. */
  readonly mesh?: string;
}

/**
 * Documents with optimistic concurrency and a watch. Reads answer from memory and never fail; a write resolves only
 * when it is durable. A transaction is all or nothing.
 */
export interface Store {
  /** Revision of the newest committed write; 0 for an empty store. */
  readonly revision: number;
  get<R extends Resource = Resource>(key: ResourceKey): R | undefined;
  /** Sorted by mesh, then name. */
  list<R extends Resource = Resource>(listing: Listing): readonly R[];
  /** @throws StoreError `conflict`, `already-exists`, `not-found`, `unavailable` (disk full, read-only …) */
  write(writes: readonly Write[]): Promise<Committed>;
  /**
   * Called after each commit, in revision order, before the writer's promise resolves. Writes that are committed
   * together are told one by one, so `get` may already answer with a newer document than the change carries.
   * Returns the unsubscriber.
   */
  watch(listener: (changes: readonly Change[]) => void): () => void;
  close(): Promise<void>;
}

export type StoreErrorCode = "conflict" | "already-exists" | "not-found" | "unavailable" | "corrupt";

export class StoreError extends Error {
  readonly code: StoreErrorCode;
  readonly key: ResourceKey | undefined;
  constructor(code: StoreErrorCode, message: string, options: { key?: ResourceKey; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = "StoreError";
    this.code = code;
    this.key = options.key;
  }
}
