/** Time as a parameter, so that tests decide what time it is. */
export interface Clock {
  /** Milliseconds since the epoch, as the machine's clock has it: it may jump. */
  now(): number;
  /** Calls back once after `ms` of elapsed time, without keeping the process alive. Returns the cancellation. */
  schedule(ms: number, callback: () => void): () => void;
}

/** The machine's clock and timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  schedule: (ms, callback) => {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
