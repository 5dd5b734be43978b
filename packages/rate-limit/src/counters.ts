/** Counts of fixed windows of time. */
export interface Counters {
  /**
   * Adds to a window's count and answers with the new one. The window may be forgotten `ttlSeconds` after its last hit.
   *
   * @throws Error where the counts cannot be reached.
   */
  add(key: string, hits: number, ttlSeconds: number): Promise<number>;
  close(): Promise<void>;
}

/** How often windows that have ended are thrown away. */
const SWEEP_MS = 10_000;

/** Counts in this process: for one rate limit service alone. Forgotten with it. */
export function memoryCounters(now: () => number): Counters {
  const windows = new Map<string, { count: number; endsAt: number }>();
  let sweepAt = now() + SWEEP_MS;
  const sweep = (time: number): void => {
    if (time < sweepAt) return;
    sweepAt = time + SWEEP_MS;
    for (const [key, { endsAt }] of windows) if (endsAt <= time) windows.delete(key);
  };
  return {
    async add(key, hits, ttlSeconds) {
      const time = now();
      sweep(time);
      const window = windows.get(key) ?? { count: 0, endsAt: 0 };
      window.count += hits;
      window.endsAt = time + ttlSeconds * 1_000;
      windows.set(key, window);
      return window.count;
    },
    async close() {
      windows.clear();
    },
  };
}
