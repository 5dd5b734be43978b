import type { NewResource, Resource, ResourceKey } from "@skein/model";
import { successor } from "./document.ts";
import type { MemoryIndex } from "./memory-index.ts";
import { type Change, StoreError, type Write } from "./store.ts";

/**
 * Applies one transaction to the index and tells its changes, which all carry `revision`. Either all of it is applied
 * or, when this throws, none.
 *
 * @throws StoreError `conflict`, `already-exists`, `not-found`
 */
export function applyTransaction(
  index: MemoryIndex,
  writes: readonly Write[],
  revision: number,
  now: string,
): readonly Change[] {
  const changes: Change[] = [];
  const record = (before: Resource | undefined, after: Resource | undefined) => {
    if (before === after) return;
    index.replace(before, after);
    changes.push(Object.freeze({ revision, before, after }));
  };
  try {
    for (const write of writes) {
      if (write.op === "delete") {
        cascade(index, current(index, write.key, write.ifRevision), record);
      } else {
        const before = replaced(index, write);
        record(before, successor(before, write.resource, revision, now));
      }
    }
    for (const { after } of changes) if (after) requireOwner(index, after);
    return Object.freeze(changes);
  } catch (error) {
    revertChanges(index, changes);
    throw error;
  }
}

/** Takes the index back to where it was before `changes`. */
export function revertChanges(index: MemoryIndex, changes: readonly Change[]): void {
  for (const { before, after } of changes.toReversed()) index.replace(after, before);
}

function replaced(index: MemoryIndex, write: Exclude<Write, { op: "delete" }>): Resource | undefined {
  const { resource } = write;
  if (write.op === "update") return current(index, resource, write.ifRevision);
  const existing = index.get(resource);
  if (write.op === "create" && existing) {
    throw new StoreError("already-exists", `resource already exists: ${describe(resource)}`, {
      key: keyOf(resource),
    });
  }
  return existing;
}

function current(index: MemoryIndex, key: ResourceKey, ifRevision: number | undefined): Resource {
  const existing = index.get(key);
  if (!existing) {
    throw new StoreError("not-found", `resource not found: ${describe(key)}`, { key: keyOf(key) });
  }
  if (ifRevision !== undefined && existing.revision !== ifRevision) {
    throw new StoreError(
      "conflict",
      `resource conflict: ${describe(key)} is at revision ${existing.revision}, and the write was made for revision ${ifRevision}; read it again and repeat the change`,
      { key: keyOf(key) },
    );
  }
  return existing;
}

/** Owner first, then what it owns. A list instead of recursion: chains of owners may be long, and may be circles. */
function cascade(
  index: MemoryIndex,
  root: Resource,
  record: (before: Resource, after: undefined) => void,
): void {
  const doomed: ResourceKey[] = [root];
  for (const key of doomed) {
    const resource = index.get(key);
    if (!resource) continue;
    for (const owned of index.ownedBy(key)) doomed.push(owned);
    record(resource, undefined);
  }
}

/** An owner that went while its child was being written would leave the child behind for ever. */
function requireOwner(index: MemoryIndex, written: Resource): void {
  const stored = index.get(written);
  if (stored?.owner && !index.get(stored.owner)) {
    throw new StoreError(
      "not-found",
      `resource not found: ${describe(stored.owner)}, which is the owner of ${describe(stored)}`,
      { key: stored.owner },
    );
  }
}

function keyOf({ type, mesh, name }: ResourceKey | NewResource): ResourceKey {
  return { type, mesh, name };
}

function describe({ type, mesh, name }: ResourceKey): string {
  return `type=${JSON.stringify(type)} name=${JSON.stringify(name)} mesh=${JSON.stringify(mesh)}`;
}
