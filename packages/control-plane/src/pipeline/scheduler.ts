export interface SchedulerOptions {
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /**
   * How long changes are collected before they are planned together. Under load it grows, up to the maximum, so that
   * planning takes half of the time at most.
   */
  readonly batchMs: number;
  readonly batchMaxMs: number;
  /** How long planning may keep the event loop busy in one go. */
  readonly sliceMs: number;
  readonly plan: (key: string) => void;
  /** A cycle begins: everything marked until now is in it. */
  readonly onBegin: () => void;
  /** Every key of the cycle has been planned. */
  readonly onEnd: () => void;
}

/**
 * Plans what has been marked, in cycles: changes that arrive together are planned together, and a cycle that is long
 * makes room for the event loop in between. Keys marked during a cycle belong to the next one.
 */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #marked = new Set<string>();
  #began = 0;
  #ended = 0;
  #lastCycleMs = 0;
  #isScheduled = false;
  #isRunning = false;
  #wantsCycle = false;
  #idle: (() => void)[] = [];

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return !this.#isScheduled && !this.#isRunning && this.#marked.size === 0;
  }

  mark(key: string): void {
    this.#marked.add(key);
    this.request();
  }

  /** Asks for a cycle even when nothing is marked, so that changes which affect nobody are settled too. */
  request(): void {
    this.#wantsCycle = true;
    if (this.#isScheduled || this.#isRunning) return;
    this.#isScheduled = true;
    const { now, batchMs, batchMaxMs } = this.#options;
    const breath = this.#lastCycleMs - (now() - this.#ended);
    setTimeout(() => this.#begin(), Math.min(Math.max(batchMs, breath), batchMaxMs));
  }

  /** Resolves when nothing is left to plan. */
  whenIdle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  #begin(): void {
    this.#isScheduled = false;
    this.#isRunning = true;
    this.#wantsCycle = false;
    this.#began = this.#options.now();
    const keys = this.#marked;
    this.#marked = new Set();
    this.#options.onBegin();
    this.#run(keys.values());
  }

  #run(keys: IterableIterator<string>): void {
    const { now, sliceMs, plan } = this.#options;
    const until = now() + sliceMs;
    for (let next = keys.next(); next.done !== true; next = keys.next()) {
      plan(next.value);
      if (now() < until) continue;
      setImmediate(() => this.#run(keys));
      return;
    }
    this.#isRunning = false;
    this.#ended = now();
    this.#lastCycleMs = this.#ended - this.#began;
    this.#options.onEnd();
    if (this.#wantsCycle || this.#marked.size > 0) {
      this.request();
      return;
    }
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}
