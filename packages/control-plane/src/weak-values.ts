const SMALL = 16;

/**
 * Values by key, each for as long as somebody else holds it. What has gone is noticed when the map has doubled: a
 * finalizer for each value would cost more than most of the values do.
 */
export class WeakValues<T extends object> {
  readonly #refs = new Map<string, WeakRef<T>>();
  #sweepAt = SMALL;

  /** How many values are there. */
  get size(): number {
    this.#sweep();
    return this.#refs.size;
  }

  get(key: string): T | undefined {
    return this.#refs.get(key)?.deref();
  }

  set(key: string, value: T): void {
    if (this.#refs.size >= this.#sweepAt) {
      this.#sweep();
      this.#sweepAt = Math.max(SMALL, this.#refs.size * 2);
    }
    this.#refs.set(key, new WeakRef(value));
  }

  #sweep(): void {
    for (const [key, ref] of this.#refs) if (ref.deref() === undefined) this.#refs.delete(key);
  }
}
