import { WeakValues } from "../weak-values.ts";

/**
 * Makes equal values the same object, for as long as somebody holds one. Sharing is what keeps the cost of a change in
 * proportion: everything computed from a shared value is computed once.
 */
export class Interned<T extends object> {
  readonly #values = new WeakValues<T>();

  /** The value of this key, made when nobody holds it; where none can be made there is none the next time either. */
  get<Made extends T | undefined>(key: string, make: () => Made): T | Made {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = make();
    if (value !== undefined) this.#values.set(key, value);
    return value;
  }
}
