import type { ResourceKey } from "@skein/model";

/** Proxies look for a control plane that starts: none of them is gone before they have had time to. */
const RETURN_MS = 600_000;
const HOUR = 3_600_000;

export interface CleanupTimerOptions {
  /** Milliseconds; 0 where nothing is ever removed. */
  readonly ageMs: number;
  readonly remove: () => Promise<readonly ResourceKey[]>;
  readonly log: {
    info(details: object, message: string): void;
    warn(details: object, message: string): void;
  };
}

/** Looks every hour, or more often where the age is short, for proxies that will not come back. Returns what ends that. */
export function startCleanup({ ageMs, remove, log }: CleanupTimerOptions): () => void {
  if (ageMs <= 0) return () => undefined;
  const every = Math.max(1_000, Math.min(HOUR, ageMs / 10));
  let timer = setTimeout(run, Math.max(RETURN_MS, every)).unref();
  async function run(): Promise<void> {
    try {
      const removed = await remove();
      if (removed.length > 0) {
        const names = removed.slice(0, 10).map(({ mesh, name }) => `${mesh}/${name}`);
        log.info(
          { count: removed.length, proxies: names },
          "Dataplanes of proxies that have been away for too long were removed",
        );
      }
    } catch (error) {
      log.warn({ err: error }, "Dataplanes of proxies that have been away for too long could not be removed");
    }
    if (!isOver) timer = setTimeout(run, every).unref();
  }
  let isOver = false;
  return () => {
    isOver = true;
    clearTimeout(timer);
  };
}
