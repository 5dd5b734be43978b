const SMALL = 16;

/**
 * Values by key, each for as long as somebody else holds it. What has gone is noticed when the map has doubled: a
 * finalizer for each value would cost more than most of the values do.
 */
export class WeakValues<T extends object> {
  /** Of thousands of these most hold one value, for which a map would be most of the weight. */
  #onlyKey: string | undefined;
  #only: WeakRef<T> | undefined;
  #refs: Map<string, WeakRef<T>> | undefined;
  #sweepAt = SMALL;

  /** How many values are there. */
  get size(): number {
    if (this.#refs === undefined) return this.#only?.deref() === undefined ? 0 : 1;
    this.#sweep(this.#refs);
    return this.#refs.size;
  }

  get(key: string): T | undefined {
    if (this.#refs !== undefined) return this.#refs.get(key)?.deref();
    return this.#onlyKey === key ? this.#only?.deref() : undefined;
  }

  set(key: string, value: T): void {
    const ref = new WeakRef(value);
    if (this.#refs === undefined) {
      const [onlyKey, only] = [this.#onlyKey, this.#only];
      if (only === undefined || onlyKey === undefined || onlyKey === key || only.deref() === undefined) {
        this.#onlyKey = key;
        this.#only = ref;
        return;
      }
      this.#refs = new Map([[onlyKey, only]]);
      this.#onlyKey = undefined;
      this.#only = undefined;
    }
    if (this.#refs.size >= this.#sweepAt) {
      this.#sweep(this.#refs);
      this.#sweepAt = Math.max(SMALL, this.#refs.size * 2);
    }
    this.#refs.set(key, ref);
  }

  #sweep(refs: Map<string, WeakRef<T>>): void {
    for (const [key, ref] of refs) if (ref.deref() === undefined) refs.delete(key);
  }
}
