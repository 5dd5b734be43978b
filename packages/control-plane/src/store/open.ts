import type { StoreOptions } from "./indexed-store.ts";
import { openMemoryStore } from "./memory.ts";
import { openSqliteStore } from "./sqlite.ts";
import type { Store } from "./store.ts";

/** The part of the configuration that says where documents live. */
export interface StoreConfig {
  readonly type: "memory" | "sqlite";
  /** `path` is complete: `loadConfig` fills it in. */
  readonly sqlite: { readonly path: string };
}

/**
 * Opens the store that the configuration names.
 *
 * @throws StoreError as `openSqliteStore`
 */
export function openStore(config: StoreConfig, options: StoreOptions): Store {
  switch (config.type) {
    case "memory":
      return openMemoryStore(options);
    case "sqlite":
      return openSqliteStore(config.sqlite.path, options);
  }
}
