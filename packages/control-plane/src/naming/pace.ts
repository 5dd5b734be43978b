import type { Clock } from "../identity/clock.ts";

const MAX_DELAY_MS = 250;
/** After a pass, rest for nine times as long as it took: a tenth of a core at most. */
const REST = 9;

/** How long to gather changes before the next pass: a little at rest, more the longer passes take. */
export class Pace {
  readonly #clock: Clock;
  readonly #minimumMs: number;
  #busyMs = 0;
  #endedAt: number;

  constructor(clock: Clock, minimumMs: number) {
    this.#clock = clock;
    this.#minimumMs = minimumMs;
    this.#endedAt = clock.now();
  }

  /** How long to wait from now. */
  get delayMs(): number {
    const rested = Math.max(0, this.#clock.now() - this.#endedAt);
    return Math.max(this.#minimumMs, Math.min(REST * this.#busyMs, MAX_DELAY_MS) - rested);
  }

  /** A pass begins. */
  begin(): void {
    this.#busyMs = 0;
  }

  /** The pass has computed for so long. */
  add(ms: number): void {
    this.#busyMs += Math.max(0, ms);
    this.#endedAt = this.#clock.now();
  }
}
