import { isDeepStrictEqual } from "node:util";
import type { NewResource, Resource } from "@skein/model";

/**
 * The plain JSON value that a stored document is: without `undefined`, cut off from the writer's objects, frozen, so
 * that a stored document cannot change under those who hold it and reads the same after a restart.
 *
 * @throws TypeError when the value has no JSON form (a cycle, a bigint): a bug of the writer.
 */
export function plain<T>(value: T): T {
  return deepFreeze(JSON.parse(JSON.stringify(value)));
}

/** Freezes a JSON value in place, all the way down. */
export function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}

/**
 * The document that a write leaves behind, or `before` itself where the write changes nothing. Parts that are equal
 * to what was there keep their identity, so a reader can tell by `===` that, say, only the status moved. A write
 * without a status keeps the stored one: writers of specs do not know it.
 */
export function successor(
  before: Resource | undefined,
  next: NewResource,
  revision: number,
  now: string,
): Resource {
  const spec = kept(before?.spec, next.spec);
  const labels = kept(before?.labels, next.labels);
  const status = next.status === undefined ? before?.status : kept(before?.status, next.status);
  const owner = next.owner && kept(before?.owner, keyOf(next.owner));
  if (
    before &&
    spec === before.spec &&
    labels === before.labels &&
    status === before.status &&
    owner === before.owner
  ) {
    return before;
  }
  return Object.freeze({
    type: next.type,
    mesh: next.mesh,
    name: next.name,
    labels,
    creationTime: before?.creationTime ?? now,
    modificationTime: now,
    revision,
    spec,
    ...(status === undefined ? {} : { status }),
    ...(owner === undefined ? {} : { owner }),
  });
}

function keyOf({ type, mesh, name }: NonNullable<NewResource["owner"]>): NonNullable<NewResource["owner"]> {
  return { type, mesh, name };
}

function kept<T>(before: T | undefined, next: T): T {
  if (before !== undefined && (before === next || isDeepStrictEqual(before, next))) return before;
  const value = plain(next);
  return before !== undefined && isDeepStrictEqual(before, value) ? before : value;
}
