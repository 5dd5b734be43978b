import { patiently } from "./patience.ts";

/** Asked for something that did not come true in time. `last` is what was seen instead. */
export class Timeout extends Error {
  readonly last: unknown;
  constructor(what: string, afterMs: number, last: unknown) {
    const seen = last === undefined ? "" : ` (last seen: ${describe(last)})`;
    super(`${what}: not within ${afterMs} ms${seen}`, last instanceof Error ? { cause: last } : {});
    this.name = "Timeout";
    this.last = last;
  }
}

export interface PollOptions {
  /** Default 10 s. */
  readonly timeoutMs?: number;
  /** Pause between two looks, default 50 ms. */
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Looks again and again until `look` answers with something that is neither `undefined` nor `false`, and answers that.
 * A `look` that throws has not succeeded yet; its last error is in the message of the {@link Timeout}.
 */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  options: PollOptions = {},
): Promise<Exclude<T, undefined | false>> {
  const timeoutMs = patiently(options.timeoutMs ?? 10_000);
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen as Exclude<T, undefined | false>;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) throw new Timeout(what, timeoutMs, last);
    await pause(options.intervalMs ?? 50);
  }
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function describe(value: unknown): string {
  return value instanceof Error ? value.message : String(value);
}
