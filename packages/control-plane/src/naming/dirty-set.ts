/**
 * Names that must be looked at. A name that is there only because a write of ours came back from the store is taken
 * off again with `acknowledge`: what we wrote is what we would derive, unless something else changed meanwhile.
 */
export class DirtySet {
  readonly #marks = new Map<string, number | "changed">();

  get size(): number {
    return this.#marks.size;
  }

  /** Something that the name depends on has changed. */
  add(name: string): void {
    this.#marks.set(name, "changed");
  }

  /** The stored document itself has changed, to this revision. */
  addStored(name: string, revision: number): void {
    if (this.#marks.get(name) !== "changed") this.#marks.set(name, revision);
  }

  /** The document of this revision is what we wrote. */
  acknowledge(name: string, revision: number): void {
    if (this.#marks.get(name) === revision) this.#marks.delete(name);
  }

  /** Empties the set. */
  takeAll(): readonly string[] {
    const names = [...this.#marks.keys()];
    this.#marks.clear();
    return names;
  }
}
