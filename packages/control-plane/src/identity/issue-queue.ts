/** Urgent work (nothing valid is held) goes before renewals. */
export type IssuePriority = "urgent" | "renewal";

/** Work by key, a bounded number at a time; a key waits at most once and is never worked on twice at once. */
export interface IssueQueue {
  add(key: string, priority: IssuePriority): void;
  /** Whether the key waits or is being worked on. */
  has(key: string): boolean;
  /** Stops waiting; work that has begun goes on. */
  remove(key: string): void;
  clear(): void;
}

/** `work` must not reject. A key that is added while it is worked on is worked on once more. */
export function createIssueQueue(concurrency: number, work: (key: string) => Promise<void>): IssueQueue {
  const waiting = { urgent: new Set<string>(), renewal: new Set<string>() };
  const working = new Set<string>();

  function next(): string | undefined {
    for (const set of [waiting.urgent, waiting.renewal]) {
      for (const key of set) {
        if (working.has(key)) continue;
        set.delete(key);
        return key;
      }
    }
    return undefined;
  }

  function start(): void {
    while (working.size < concurrency) {
      const key = next();
      if (key === undefined) return;
      working.add(key);
      void work(key).finally(() => {
        working.delete(key);
        start();
      });
    }
  }

  return {
    add(key, priority) {
      if (waiting.urgent.has(key)) return;
      waiting.renewal.delete(key);
      waiting[priority].add(key);
      start();
    },
    has: (key) => waiting.urgent.has(key) || waiting.renewal.has(key) || working.has(key),
    remove(key) {
      waiting.urgent.delete(key);
      waiting.renewal.delete(key);
    },
    clear() {
      waiting.urgent.clear();
      waiting.renewal.clear();
    },
  };
}
