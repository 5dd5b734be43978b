/**
 * Values by key, never more than so many: when there is no room, all go. For what is found again or made again, and
 * nothing is wrong when two users of a key have different objects.
 */
export class Bounded<T> {
  readonly #most: number;
  readonly #values = new Map<string, T>();

  constructor(most: number) {
    this.#most = most;
  }

  get(key: string): T | undefined {
    return this.#values.get(key);
  }

  set(key: string, value: T): void {
    if (this.#values.size >= this.#most) this.#values.clear();
    this.#values.set(key, value);
  }
}
