import type { Resource } from "@skein/model";
import { IndexedStore } from "./indexed-store.ts";
import { MemoryIndex } from "./memory-index.ts";
import type { Store } from "./store.ts";

/** A store that is being filled with the documents of another, to be written to in its place. */
export class DraftStore {
  readonly #index = new MemoryIndex();
  readonly #revision: number;
  readonly #now: () => number;

  /** @param revision of the store whose documents follow */
  constructor(revision: number, now: () => number) {
    this.#revision = revision;
    this.#now = now;
  }

  add(document: Resource): void {
    this.#index.replace(undefined, document);
  }

  /** The store, with all its rules and nothing behind it. Documents must not be added any more. */
  open(): Store {
    const state = { index: this.#index, revision: this.#revision };
    return new IndexedStore(state, NOWHERE, queueMicrotask, { now: this.#now });
  }
}

const NOWHERE = { commit: () => undefined, close: () => undefined };
