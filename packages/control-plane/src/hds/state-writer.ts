import type { DataplaneResource, DataplaneSpec } from "@skein/model";
import { type Store, StoreError, type Write } from "../store/store.ts";

/** One proxy, by mesh and name. */
export interface ProxyKey {
  readonly mesh: string;
  readonly name: string;
}

export interface StateWriterOptions {
  readonly store: Store;
  /** Milliseconds for which news are gathered. */
  readonly batchMs?: number;
  /** Called when a write failed. What was to be written comes again with the next report. */
  readonly onError: (error: unknown) => void;
}

/** What a Dataplane should become, asked for when it is written; the same object where nothing is to change. */
type Next = (dataplane: DataplaneResource) => DataplaneSpec;

const ATTEMPTS = 5;
/** A host that fails may take hundreds of proxies with it: the store's own bound keeps others from waiting. */
const MAX_WRITES = 256;

/**
 * Writes what was found out about inbounds into their Dataplanes: what comes at about the same time in one transaction,
 * each from the document as it is then, so that what somebody else writes meanwhile stays.
 */
export class StateWriter {
  readonly #options: StateWriterOptions;
  readonly #pending = new Map<string, { readonly key: ProxyKey; readonly next: Next }>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: StateWriterOptions) {
    this.#options = options;
  }

  /** Takes the place of what is still waiting for this proxy. */
  add(key: ProxyKey, next: Next): void {
    if (this.#isClosed) return;
    this.#pending.set(`${key.mesh}/${key.name}`, { key, next });
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#writing = this.#writing.then(() => this.#flush());
    }, this.#options.batchMs ?? 50);
  }

  /** Writes nothing any more, and resolves when what is being written is. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#pending.clear();
    await this.#writing;
  }

  async #flush(): Promise<void> {
    const all = [...this.#pending.values()];
    this.#pending.clear();
    for (let at = 0; at < all.length && !this.#isClosed; at += MAX_WRITES) {
      const batch = all.slice(at, at + MAX_WRITES);
      try {
        await this.#write(batch);
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }

  async #write(batch: readonly { readonly key: ProxyKey; readonly next: Next }[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const writes = batch.flatMap(({ key, next }): readonly Write[] => {
        const stored = this.#options.store.get<DataplaneResource>({ type: "Dataplane", ...key });
        if (stored === undefined) return [];
        const spec = next(stored);
        if (spec === stored.spec) return [];
        const { creationTime: _, modificationTime: __, revision, ...rest } = stored;
        return [{ op: "update", resource: { ...rest, spec }, ifRevision: revision }];
      });
      if (writes.length === 0) return;
      try {
        await this.#options.store.write(writes);
        return;
      } catch (error) {
        const isRace =
          error instanceof StoreError && (error.code === "conflict" || error.code === "not-found");
        if (!isRace || attempt === ATTEMPTS) throw error;
      }
    }
  }
}
