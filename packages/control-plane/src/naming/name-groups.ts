/** Things of dataplanes, grouped by a name that each carries; a dataplane may be in several groups, once in each. */
export class NameGroups<T> {
  readonly #groups = new Map<string, Map<string, T>>();
  readonly #namesOf = new Map<string, readonly string[]>();

  /** Replaces what a dataplane contributes. Returns the names of the groups that it was in or is in. */
  set(dataplane: string, entries: readonly (readonly [name: string, item: T])[]): ReadonlySet<string> {
    const touched = new Set(this.#namesOf.get(dataplane));
    for (const name of touched) {
      const group = this.#groups.get(name);
      group?.delete(dataplane);
      if (group?.size === 0) this.#groups.delete(name);
    }
    for (const [name, item] of entries) {
      touched.add(name);
      const group = this.#groups.get(name);
      if (group === undefined) this.#groups.set(name, new Map([[dataplane, item]]));
      else group.set(dataplane, item);
    }
    if (entries.length === 0) this.#namesOf.delete(dataplane);
    else this.#namesOf.set(dataplane, [...new Set(entries.map(([name]) => name))]);
    return touched;
  }

  /** Names of the groups that have anybody. */
  names(): Iterable<string> {
    return this.#groups.keys();
  }

  /** In no certain order. */
  members(name: string): readonly T[] {
    return [...(this.#groups.get(name)?.values() ?? [])];
  }
}
