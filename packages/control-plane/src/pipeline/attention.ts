/** A turn of the event loop that is so much late, in milliseconds, kept somebody waiting. */
const LATE_MS = 250;
const SAMPLE_MS = 250;

/**
 * Knows when this process last could not attend to its proxies: its event loop was late, or proxies that had come were
 * waiting to be let in. What did not happen until then says nothing about them.
 */
export class Attention {
  readonly #monotonic: () => number;
  readonly #timer: NodeJS.Timeout;
  #sampledAt: number;
  #waiting = 0;
  #busyAt = Number.NEGATIVE_INFINITY;

  /** @param monotonic milliseconds */
  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
    this.#sampledAt = monotonic();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  /** Monotonic time of the last moment at which somebody had to wait; negative infinity where there was none. */
  get busyAt(): number {
    this.#sample();
    return this.#busyAt;
  }

  /** Somebody waits until the promise is settled. */
  async during<T>(task: () => Promise<T>): Promise<T> {
    this.#waiting += 1;
    try {
      return await task();
    } finally {
      this.#waiting -= 1;
    }
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    const now = this.#monotonic();
    const isLate = now - this.#sampledAt > SAMPLE_MS + LATE_MS;
    if (isLate || this.#waiting > 0) this.#busyAt = now;
    this.#sampledAt = now;
  }
}
