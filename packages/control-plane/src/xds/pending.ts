/** Options of `createPending`. */
export interface PendingOptions<T> {
  /** Does the work that an item is waiting for. Exceptions go to `onError`; the others go on. */
  readonly run: (item: T) => void;
  /** Longest time in milliseconds that the event loop is kept busy in one go. */
  readonly sliceMs?: number;
  /** Most items that are worked on in one go. */
  readonly most?: number;
  /** Monotonic time in milliseconds. */
  readonly now?: () => number;
  readonly onError?: (error: unknown) => void;
}

/** Items that wait for work, each at most once. */
export interface Pending<T> {
  add(item: T): void;
  delete(item: T): void;
  readonly size: number;
}

/**
 * Spreads work over turns of the event loop: a change for 2,000 streams in one tick becomes slices of a few
 * milliseconds, between which ACKs, other requests and timers get their turn. An item added again before its turn is
 * worked on once, so states that follow each other quickly coalesce.
 */
export function createPending<T>(options: PendingOptions<T>): Pending<T> {
  const { sliceMs = 5, most = Number.POSITIVE_INFINITY } = options;
  const now = options.now ?? (() => performance.now());
  const items = new Set<T>();
  let scheduled = false;

  function schedule(): void {
    if (scheduled || items.size === 0) return;
    scheduled = true;
    setImmediate(slice);
  }

  function slice(): void {
    scheduled = false;
    const end = now() + sliceMs;
    let left = most;
    for (const item of items) {
      items.delete(item);
      try {
        options.run(item);
      } catch (error) {
        options.onError?.(error);
      }
      left -= 1;
      if (left === 0 || now() >= end) break;
    }
    schedule();
  }

  return {
    add(item) {
      items.add(item);
      schedule();
    },
    delete: (item) => void items.delete(item),
    get size() {
      return items.size;
    },
  };
}
