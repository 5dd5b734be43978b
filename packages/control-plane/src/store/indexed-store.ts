import type { Resource, ResourceKey } from "@skein/model";
import type { MemoryIndex } from "./memory-index.ts";
import { type Change, type Committed, type Listing, type Store, StoreError, type Write } from "./store.ts";
import { timestamp } from "./timestamp.ts";
import { applyTransaction, revertChanges } from "./transaction.ts";
import { Watchers } from "./watchers.ts";

/** What every store needs from outside. */
export interface StoreOptions {
  /** Milliseconds since the epoch; a fraction becomes finer digits of the stored times. May jump: order is by revision. */
  readonly now: () => number;
  /** Hears what watch listeners throw. By default a process warning. */
  readonly onError?: (error: unknown) => void;
}

/** Where an `IndexedStore` makes its writes durable. */
export interface Journal {
  /**
   * Keeps the changes of one or more transactions, all or nothing, durable when it returns. `size` is the number of
   * documents after them.
   *
   * @throws StoreError when it could not; nothing is kept then, and a later call may succeed.
   */
  commit(changes: readonly Change[], revision: number, size: number): void;
  close(): void;
}

/** What an `IndexedStore` starts from. */
export interface StoredState {
  readonly index: MemoryIndex;
  readonly revision: number;
}

const TRANSACTIONS_PER_COMMIT = 256;
const WRITES_PER_COMMIT = 1024;

interface Pending {
  readonly writes: readonly Write[];
  readonly resolve: (committed: Committed) => void;
  readonly reject: (error: unknown) => void;
}

type Outcome = { readonly committed: Committed } | { readonly error: unknown };

/**
 * A store that answers reads from an index in memory and writes ahead to a journal. Transactions that arrive while
 * others wait go to the journal together, which costs one flush to disk for all of them; each still succeeds or fails
 * alone. A group is bounded, so that the event loop gets its turn between groups.
 */
export class IndexedStore implements Store {
  readonly #index: MemoryIndex;
  readonly #journal: Journal;
  readonly #options: StoreOptions;
  readonly #schedule: (flush: () => void) => void;
  readonly #watchers: Watchers;
  #queue: Pending[] = [];
  #revision: number;
  #isScheduled = false;
  #isClosed = false;

  /** `schedule` runs the next commit soon, never at once: what is written meanwhile joins the group. */
  constructor(
    state: StoredState,
    journal: Journal,
    schedule: (flush: () => void) => void,
    options: StoreOptions,
  ) {
    this.#index = state.index;
    this.#revision = state.revision;
    this.#journal = journal;
    this.#schedule = schedule;
    this.#options = options;
    this.#watchers = new Watchers(options.onError ?? warn);
  }

  get revision(): number {
    return this.#revision;
  }

  get<R extends Resource = Resource>(key: ResourceKey): R | undefined {
    return this.#index.get(key) as R | undefined;
  }

  list<R extends Resource = Resource>(listing: Listing): readonly R[] {
    return this.#index.list(listing) as readonly R[];
  }

  write(writes: readonly Write[]): Promise<Committed> {
    if (this.#isClosed) return Promise.reject(closed());
    return new Promise((resolve, reject) => {
      this.#queue.push({ writes, resolve, reject });
      this.#scheduleFlush();
    });
  }

  watch(listener: (changes: readonly Change[]) => void): () => void {
    return this.#watchers.add(listener);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    while (this.#queue.length > 0) this.#flush();
    this.#journal.close();
  }

  #scheduleFlush(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#schedule(() => {
      this.#isScheduled = false;
      this.#flush();
      if (this.#queue.length > 0) this.#scheduleFlush();
    });
  }

  #flush(): void {
    const group = this.#takeGroup();
    if (group.length > 0) this.#commit(group);
  }

  #takeGroup(): readonly Pending[] {
    let writes = 0;
    let count = 0;
    for (const pending of this.#queue) {
      writes += pending.writes.length;
      if (count > 0 && (count === TRANSACTIONS_PER_COMMIT || writes > WRITES_PER_COMMIT)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  #commit(group: readonly Pending[]): void {
    const revision = this.#revision;
    const outcomes = group.map((pending) => this.#apply(pending));
    const changes = outcomes.flatMap((outcome) => ("committed" in outcome ? outcome.committed.changes : []));
    if (changes.length > 0) {
      try {
        this.#journal.commit(changes, this.#revision, this.#index.size);
      } catch (error) {
        revertChanges(this.#index, changes);
        this.#revision = revision;
        this.#refuse(group, error);
        return;
      }
    }
    group.forEach((pending, position) => {
      const outcome = outcomes[position];
      if (outcome) this.#settle(pending, outcome);
    });
  }

  /**
   * What the group's members saw included others of the group, so after a failure each is judged anew, alone: a small
   * one may fit on the disk where the group did not, and none is told of a conflict with a write that never was.
   */
  #refuse(group: readonly Pending[], error: unknown): void {
    const [only] = group;
    if (only && group.length === 1) only.reject(error);
    else for (const pending of group) this.#commit([pending]);
  }

  #apply(pending: Pending): Outcome {
    const revision = this.#revision + 1;
    try {
      const changes = applyTransaction(this.#index, pending.writes, revision, timestamp(this.#options.now()));
      if (changes.length > 0) this.#revision = revision;
      return { committed: { changes, revision: this.#revision } };
    } catch (error) {
      return { error };
    }
  }

  #settle(pending: Pending, outcome: Outcome): void {
    if ("error" in outcome) {
      pending.reject(outcome.error);
      return;
    }
    if (outcome.committed.changes.length > 0) this.#watchers.publish(outcome.committed.changes);
    pending.resolve(outcome.committed);
  }
}

function closed(): StoreError {
  return new StoreError("unavailable", "the store is closed: the control plane is stopping");
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error), "StoreWatchWarning");
}
