import { setImmediate } from "node:timers/promises";

/** Work that is long, done in slices: the event loop gets its turn in between. */
export class Slices {
  readonly #now: () => number;
  readonly #sliceMs: number;
  #until: number;

  /** @param now monotonic milliseconds */
  constructor(now: () => number, sliceMs: number) {
    this.#now = now;
    this.#sliceMs = sliceMs;
    this.#until = now() + sliceMs;
  }

  /** Does something with each item, as many as a slice has time for at once. Stops with the signal's reason. */
  async each<T>(items: Iterable<T>, signal: AbortSignal, work: (item: T) => void): Promise<void> {
    for (const item of items) {
      work(item);
      if (this.#now() < this.#until) continue;
      await setImmediate();
      signal.throwIfAborted();
      this.#until = this.#now() + this.#sliceMs;
    }
  }
}
