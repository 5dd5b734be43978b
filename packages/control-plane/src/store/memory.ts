import { IndexedStore, type Journal, type StoreOptions } from "./indexed-store.ts";
import { MemoryIndex } from "./memory-index.ts";
import type { Store } from "./store.ts";

/** A store that forgets everything when the process ends. */
export function openMemoryStore(options: StoreOptions): Store {
  return new IndexedStore({ index: new MemoryIndex(), revision: 0 }, nowhere, queueMicrotask, options);
}

const nowhere: Journal = {
  commit: () => undefined,
  close: () => undefined,
};
