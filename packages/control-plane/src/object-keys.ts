/** A short name for each object, for keys. An object has its name for as long as it lives, and no other gets it. */
export class ObjectKeys {
  readonly #keys = new WeakMap<object, string>();
  #known = 0;

  of(value: object): string {
    let key = this.#keys.get(value);
    if (key === undefined) {
      key = (this.#known++).toString(36);
      this.#keys.set(value, key);
    }
    return key;
  }
}
