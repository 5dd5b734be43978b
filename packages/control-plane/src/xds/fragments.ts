import type { Fragment } from "./fragment.ts";

/** Fragments by name. */
export type Fragments = ReadonlyMap<string, Fragment>;

/**
 * Fragments of one proxy on top of fragments that it has in common with others. To its reader it is one map; that the
 * common part is the same object for many proxies keeps what they hold, and comparing it, in proportion to their own.
 */
export class LayeredFragments implements ReadonlyMap<string, Fragment> {
  readonly own: Fragments;
  readonly common: Fragments;
  readonly size: number;

  /** @param own stands in front of what is common under the same name */
  constructor(own: Fragments, common: Fragments) {
    this.own = own;
    this.common = common;
    let size = common.size;
    for (const name of own.keys()) if (!common.has(name)) size += 1;
    this.size = size;
  }

  get(name: string): Fragment | undefined {
    return this.own.get(name) ?? this.common.get(name);
  }

  has(name: string): boolean {
    return this.own.has(name) || this.common.has(name);
  }

  *entries(): MapIterator<[string, Fragment]> {
    yield* this.own.entries();
    const { own } = this;
    if (own.size === 0) yield* this.common.entries();
    else for (const entry of this.common.entries()) if (!own.has(entry[0])) yield entry;
  }

  *keys(): MapIterator<string> {
    for (const [name] of this.entries()) yield name;
  }

  *values(): MapIterator<Fragment> {
    yield* this.own.values();
    for (const [name, fragment] of this.common) if (!this.own.has(name)) yield fragment;
  }

  [Symbol.iterator](): MapIterator<[string, Fragment]> {
    return this.entries();
  }

  forEach(each: (fragment: Fragment, name: string, map: ReadonlyMap<string, Fragment>) => void): void {
    for (const [name, fragment] of this.entries()) each(fragment, name, this);
  }
}

/** Whether a part of a configuration is such a map. */
export function isFragments(value: unknown): value is Fragments {
  return value instanceof Map || value instanceof LayeredFragments;
}

/** Whether two maps hold the same. Fragments are shared, so they are compared by identity. */
export function sameFragments(a: Fragments, b: Fragments): boolean {
  if (a === b) return true;
  if (a.size !== b.size) return false;
  const [x, y] = [layersOf(a), layersOf(b)];
  if (x.common === y.common && sameMap(x.own, y.own)) return true;
  if (x.common === NONE && y.common === NONE) return false;
  return differingNames(a, b).size === 0;
}

/** Names under which two maps hold something else. */
export function differingNames(before: Fragments, after: Fragments): ReadonlySet<string> {
  if (before === after) return new Set();
  const [x, y] = [layersOf(before), layersOf(after)];
  const candidates = new Set([...x.own.keys(), ...y.own.keys()]);
  for (const name of commonDifferences(x.common, y.common)) candidates.add(name);
  for (const name of candidates) if (before.get(name) === after.get(name)) candidates.delete(name);
  return candidates;
}

const NONE: Fragments = new Map();
const known = new WeakMap<Fragments, WeakMap<Fragments, readonly string[]>>();

/** Asked for again by every proxy that has them in common. */
function commonDifferences(before: Fragments, after: Fragments): readonly string[] {
  if (before === after) return [];
  let of = known.get(before);
  if (of === undefined) {
    of = new WeakMap();
    known.set(before, of);
  }
  let names = of.get(after);
  if (names === undefined) {
    const changed: string[] = [];
    for (const [name, fragment] of after) if (before.get(name) !== fragment) changed.push(name);
    for (const name of before.keys()) if (!after.has(name)) changed.push(name);
    names = changed;
    of.set(after, names);
  }
  return names;
}

function layersOf(map: Fragments): { readonly own: Fragments; readonly common: Fragments } {
  return map instanceof LayeredFragments ? map : { own: map, common: NONE };
}

function sameMap(a: Fragments, b: Fragments): boolean {
  if (a.size !== b.size) return false;
  for (const [name, fragment] of a) if (b.get(name) !== fragment) return false;
  return true;
}
