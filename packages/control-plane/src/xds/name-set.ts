/** A set of names that is mostly empty: a JavaScript set weighs 200 bytes then, and each proxy has dozens. */
export class NameSet implements Iterable<string> {
  #names: Set<string> | undefined;

  get size(): number {
    return this.#names?.size ?? 0;
  }

  has(name: string): boolean {
    return this.#names?.has(name) === true;
  }

  add(name: string): void {
    this.#names ??= new Set();
    this.#names.add(name);
  }

  delete(name: string): void {
    if (this.#names?.delete(name) === true && this.#names.size === 0) this.#names = undefined;
  }

  clear(): void {
    this.#names = undefined;
  }

  [Symbol.iterator](): Iterator<string> {
    return (this.#names ?? NONE).values();
  }
}

const NONE: ReadonlySet<string> = new Set();
