/** Runs a task when its turn comes; skips it, giving undefined, if `abandoned()` is true by then. */
export type Limiter = <T>(task: () => Promise<T>, abandoned: () => boolean) => Promise<T | undefined>;

/**
 * Runs at most `limit` tasks at a time, first come first served, and lets the event loop turn between them: a storm of
 * reconnects neither starts 2,000 authentications at once nor starves what else is going on.
 */
export function createLimiter(limit: number): Limiter {
  let running = 0;
  const waiting: (() => void)[] = [];
  let head = 0;

  /** Hands the slot of a finished task to the one that has waited longest. */
  function release(): void {
    const next = waiting[head];
    if (next === undefined) {
      running -= 1;
      return;
    }
    head += 1;
    if (head === waiting.length) {
      waiting.length = 0;
      head = 0;
    }
    next();
  }

  return async (task, abandoned) => {
    if (running < limit) running += 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return abandoned() ? undefined : await task();
    } finally {
      setImmediate(release);
    }
  };
}
