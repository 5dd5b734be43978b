import type { Change } from "./store.ts";

/** Those who watch a store. One that throws is reported and does not keep the others from hearing. */
export class Watchers {
  readonly #listeners = new Set<{ readonly hear: (changes: readonly Change[]) => void }>();
  readonly #onError: (error: unknown) => void;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /** Returns the unsubscriber. The same function may watch twice. */
  add(hear: (changes: readonly Change[]) => void): () => void {
    const listener = { hear };
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  publish(changes: readonly Change[]): void {
    for (const listener of [...this.#listeners]) {
      if (!this.#listeners.has(listener)) continue;
      try {
        listener.hear(changes);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}
