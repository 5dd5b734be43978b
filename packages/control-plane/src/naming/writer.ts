import { keyString } from "@skein/model";
import type { Clock } from "../identity/clock.ts";
import { type Change, type Store, StoreError, type Write } from "../store/store.ts";
import type { NamingProblem, NamingProblemReason } from "./problem.ts";
import { VIP_TURNS } from "./vip-turns.ts";
import type { DerivedKey, ZoneNaming } from "./zone-naming.ts";

/** Where the derivation writes what an operator should know; pino's loggers fit. */
export interface NamingLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What a `Writer` needs. */
export interface WriterOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: NamingLog;
  readonly zone: ZoneNaming;
  readonly countsMs: number;
  /** Called when something that waited is due. */
  readonly onRetry: () => void;
}

interface Planned {
  readonly key: DerivedKey;
  readonly write: Write;
  readonly takesAddress: boolean;
}

interface Failure {
  readonly count: number;
  readonly problem: NamingProblem;
}

const PER_TRANSACTION = 64;
const QUICK_RETRIES = 5;
const RETRY_MS = { first: 100, most: 10_000 };

/**
 * Brings what reconciliation tells to the store: several documents in a transaction, counts at leisure, and again what
 * was refused: at once where the store has moved on meanwhile, with back-off where it cannot write.
 */
export class Writer {
  readonly #options: WriterOptions;
  #planned: Planned[] = [];
  readonly #counts = new Map<string, DerivedKey>();
  readonly #failures = new Map<string, Failure>();
  readonly #parked = new Map<string, DerivedKey>();
  readonly #known = new Map<string, readonly NamingProblem[]>();
  #areCountsDue = false;
  #writesCounts = false;
  #cancelCounts: (() => void) | undefined;
  #cancelRetry: (() => void) | undefined;
  #isStopped = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Whether counts have waited long enough. */
  get isDue(): boolean {
    return this.#areCountsDue && this.#counts.size > 0;
  }

  /** What the store has refused. */
  problems(): readonly NamingProblem[] {
    return [...this.#failures.values()].map(({ problem }) => problem);
  }

  /** Counts that wait are due now. */
  expediteCounts(): void {
    this.#areCountsDue = true;
  }

  /** A pass begins: if counts are due, it writes them. Marks the resources whose counts wait. */
  begin(): void {
    this.#writesCounts = this.isDue;
    this.#areCountsDue = false;
    if (!this.#writesCounts) return;
    for (const key of this.#counts.values()) this.#options.zone.mark(key);
  }

  /** Reconciles one resource and keeps what is to be written until `flush`. */
  reconcile(key: DerivedKey): void {
    const id = keyString(key);
    try {
      const { zone, clock } = this.#options;
      const { write, isCountsOnly, takesAddress, problems } = zone.reconcile(key, clock.now());
      this.#tell(id, problems);
      if (write === undefined) {
        this.#failures.delete(id);
        this.#counts.delete(id);
      } else if (isCountsOnly && !this.#writesCounts) {
        this.#counts.set(id, key);
        this.#cancelCounts ??= this.#options.clock.schedule(this.#options.countsMs, () => {
          this.#cancelCounts = undefined;
          this.#areCountsDue = true;
          this.#options.onRetry();
        });
      } else {
        this.#counts.delete(id);
        this.#planned.push({ key, write, takesAddress });
      }
    } catch (error) {
      this.#fail(key, "Internal", error);
      this.#park(key, error);
    }
  }

  /** Writes what was planned. Resolves when the store has answered; never rejects. */
  async flush(): Promise<void> {
    const planned = this.#planned;
    this.#planned = [];
    const alone = planned.filter(({ key }) => this.#failures.has(keyString(key)));
    const together = planned.filter(({ key }) => !this.#failures.has(keyString(key)));
    const [taking, others] = [true, false].map((takes) =>
      together.filter((each) => each.takesAddress === takes),
    );
    const transactions = alone.filter((each) => !each.takesAddress).map((each) => [each]);
    for (let start = 0; start < (others?.length ?? 0); start += PER_TRANSACTION) {
      transactions.push(others?.slice(start, start + PER_TRANSACTION) ?? []);
    }
    await Promise.all([
      this.#giveOut([taking ?? [], ...alone.filter((each) => each.takesAddress).map((each) => [each])]),
      ...transactions.map((each) => this.#write(each)),
    ]);
  }

  /**
   * Writes what takes addresses, one transaction after the other. Each is good only for the turns as they were when the
   * addresses were taken: if somebody else has given out any since, it is refused and what it was to write is looked at
   * again.
   */
  async #giveOut(transactions: readonly (readonly Planned[])[]): Promise<void> {
    const { zone } = this.#options;
    let revision = zone.turnsRevision;
    for (const planned of transactions) {
      if (planned.length === 0) continue;
      const changes = await this.#write(planned, zone.turnsWrite(revision));
      const turns = changes?.find(({ after }) => after?.type === VIP_TURNS);
      revision = turns?.revision ?? revision;
    }
  }

  /** Forgets what waits. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelCounts?.();
    this.#cancelRetry?.();
  }

  async #write(
    planned: readonly Planned[],
    ...more: readonly Write[]
  ): Promise<readonly Change[] | undefined> {
    const { store, zone } = this.#options;
    try {
      const { changes } = await store.write([...planned.map(({ write }) => write), ...more]);
      const revisions = new Map(
        changes.map(({ before, after }) => [keyString(after ?? before ?? NOBODY), after?.revision ?? -1]),
      );
      for (const { key } of planned) {
        const id = keyString(key);
        const revision = revisions.get(id);
        if (revision !== undefined) zone.acknowledge(key, revision);
        if (this.#failures.delete(id)) this.#options.log.info({ resource: id }, "written after all");
      }
      return changes;
    } catch (error) {
      const hasMoved = error instanceof StoreError && MOVED.has(error.code);
      const moved = hasMoved && error.key !== undefined ? keyString(error.key) : undefined;
      const isKnown = planned.some(({ key }) => keyString(key) === moved);
      for (const { key } of planned) {
        const id = keyString(key);
        if (isKnown && id !== moved) {
          zone.mark(key);
          continue;
        }
        this.#fail(key, hasMoved || error instanceof StoreError ? "WriteFailed" : "Internal", error);
        if (hasMoved && (this.#failures.get(id)?.count ?? 0) <= QUICK_RETRIES) zone.mark(key);
        else this.#park(key, error);
      }
      return undefined;
    }
  }

  #fail(key: DerivedKey, reason: NamingProblemReason, error: unknown): void {
    const id = keyString(key);
    const count = (this.#failures.get(id)?.count ?? 0) + 1;
    const cause = error instanceof Error ? error.message : String(error);
    const message = `${key.type} "${key.name}" could not be brought up to date and is tried again: ${cause}`;
    const { type, mesh, name } = key;
    this.#failures.set(id, { count, problem: { type, mesh, name, reason, message } });
  }

  #park(key: DerivedKey, error: unknown): void {
    const id = keyString(key);
    this.#parked.set(id, key);
    if (this.#isStopped || this.#cancelRetry !== undefined) return;
    this.#options.log.error(
      { resource: id, err: error },
      "could not bring a resource up to date; trying again",
    );
    const count = this.#failures.get(id)?.count ?? 1;
    const delay = Math.min(RETRY_MS.first * 2 ** Math.min(count - 1, 10), RETRY_MS.most);
    this.#cancelRetry = this.#options.clock.schedule(delay, () => {
      this.#cancelRetry = undefined;
      for (const parked of this.#parked.values()) this.#options.zone.mark(parked);
      this.#parked.clear();
      this.#options.onRetry();
    });
  }

  #tell(id: string, problems: readonly NamingProblem[]): void {
    const before = this.#known.get(id) ?? [];
    for (const problem of problems) {
      if (before.some(({ message }) => message === problem.message)) continue;
      this.#options.log.warn({ resource: id, reason: problem.reason }, problem.message);
    }
    if (problems.length === 0) this.#known.delete(id);
    else this.#known.set(id, problems);
  }
}

const MOVED: ReadonlySet<string> = new Set(["conflict", "already-exists", "not-found"]);
const NOBODY = { type: "", mesh: "", name: "" };
