/**
 * Makes equal values the same object, for as long as somebody holds one. Sharing is what keeps the cost of a change in
 * proportion: everything computed from a shared value is computed once.
 */
export class Interned<T extends object> {
  readonly #values = new Map<string, WeakRef<T>>();
  readonly #gone = new FinalizationRegistry<string>((key) => {
    if (this.#values.get(key)?.deref() === undefined) this.#values.delete(key);
  });

  /** The value of this key, made when nobody holds it; where none can be made there is none the next time either. */
  get<Made extends T | undefined>(key: string, make: () => Made): T | Made {
    const known = this.#values.get(key)?.deref();
    if (known !== undefined) return known;
    const value = make();
    if (value === undefined) return value;
    this.#values.set(key, new WeakRef(value));
    this.#gone.register(value, key);
    return value;
  }
}
