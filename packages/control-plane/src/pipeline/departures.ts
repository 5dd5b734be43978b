import { Attention } from "./attention.ts";

/** A control plane that is overloaded for longer than so many delays has to decide all the same. */
const MOST_DELAYS = 30;

/**
 * Proxies that are away, and what happens when they stay away. The delay counts from when this control plane was last
 * overloaded: a proxy that it could not let in has not gone.
 */
export class Departures {
  readonly #monotonic: () => number;
  readonly #attention: Attention;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #isClosed = false;

  /** @param monotonic milliseconds */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#attention = new Attention(monotonic);
  }

  /** Lets a proxy in; meanwhile nobody is said to stay away. */
  arriving<T>(task: () => Promise<T>): Promise<T> {
    return this.#attention.during(task);
  }

  /** A proxy is away: `then` happens in `delayMs`, unless it is back before. */
  left(id: string, delayMs: number, then: () => void): void {
    if (this.#isClosed) return;
    this.back(id);
    this.#wait(id, delayMs, delayMs, this.#monotonic() + MOST_DELAYS * delayMs, then);
  }

  /** Whether a proxy is away and may come back. */
  isAway(id: string): boolean {
    return this.#timers.has(id);
  }

  /** All who are away and may come back. */
  get away(): Iterable<string> {
    return this.#timers.keys();
  }

  /** A proxy is back. */
  back(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** Whoever is away now stays as it is. */
  close(): void {
    this.#isClosed = true;
    for (const id of [...this.#timers.keys()]) this.back(id);
    this.#attention.close();
  }

  #wait(id: string, ms: number, delayMs: number, deadline: number, then: () => void): void {
    const timer = setTimeout(() => {
      const now = this.#monotonic();
      const left = this.#attention.busyAt + delayMs - now;
      if (left > 0 && now < deadline) {
        this.#wait(id, left, delayMs, deadline, then);
        return;
      }
      this.#timers.delete(id);
      then();
    }, ms);
    timer.unref();
    this.#timers.set(id, timer);
  }
}
