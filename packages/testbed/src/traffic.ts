import { createOutcall } from "./apps/outcall.ts";
import { patiently } from "./patience.ts";

export interface TrafficOptions {
  readonly url: string;
  /** Requests per second, begun at fixed times whether or not earlier ones have been answered. Default 50. */
  readonly rate?: number;
  /** An answer that takes longer is a failure. Default 5 s. */
  readonly timeoutMs?: number;
  /** Stops by itself after so many requests. Default 100 000: traffic is always bounded. */
  readonly limit?: number;
  /** Which statuses count as answered; default 200–399. */
  readonly expect?: (status: number) => boolean;
}

export interface TrafficFailure {
  /** When the request was begun, RFC 3339. */
  readonly at: string;
  /** How long after the traffic's start it was begun. */
  readonly afterMs: number;
  readonly status: number;
  readonly reason: string;
}

export interface TrafficReport {
  readonly sent: number;
  readonly answered: number;
  readonly failures: readonly TrafficFailure[];
  readonly durationMs: number;
  readonly medianMs: number;
  readonly slowestMs: number;
}

export interface Traffic {
  /** What has been answered so far. */
  report(): TrafficReport;
  /** Begins no more requests, waits for those under way, and reports. */
  stop(): Promise<TrafficReport>;
}

/**
 * Sends GET requests at a steady rate and keeps every failure with its time: the witness of "no request was lost".
 * The rate is kept by the clock: after a stall the missed requests are sent at once, so a stall cannot hide failures.
 */
export function startTraffic(options: TrafficOptions): Traffic {
  const rate = options.rate ?? 50;
  const limit = options.limit ?? 100_000;
  const expect = options.expect ?? ((status) => status >= 200 && status < 400);
  const outcall = createOutcall(patiently(options.timeoutMs ?? 5_000));
  const begin = performance.now();
  const failures: TrafficFailure[] = [];
  const durations: number[] = [];
  const underWay = new Set<Promise<void>>();
  let sent = 0;
  let end: number | undefined;

  const send = async (): Promise<void> => {
    const afterMs = Math.round(performance.now() - begin);
    const at = new Date().toISOString();
    const { status, error, ms, body } = await outcall.get(options.url);
    durations.push(ms);
    if (status === 0) failures.push({ at, afterMs, status, reason: error ?? "no answer" });
    else if (!expect(status)) failures.push({ at, afterMs, status, reason: brief(body) });
  };

  const timer = setInterval(
    () => {
      const due = Math.min(limit, Math.floor(((performance.now() - begin) / 1000) * rate) + 1);
      while (sent < due) {
        sent++;
        const one = send().finally(() => underWay.delete(one));
        underWay.add(one);
      }
      if (sent >= limit) clearInterval(timer);
    },
    Math.min(50, 500 / rate),
  );

  const report = (): TrafficReport => {
    const sorted = durations.toSorted((a, b) => a - b);
    return {
      sent,
      answered: durations.length - failures.length,
      failures: [...failures],
      durationMs: Math.round((end ?? performance.now()) - begin),
      medianMs: sorted[Math.floor(sorted.length / 2)] ?? 0,
      slowestMs: sorted.at(-1) ?? 0,
    };
  };

  return {
    report,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
      end ??= performance.now();
      outcall.close();
      return report();
    },
  };
}

/** One line for people: how many were sent, and the first failures. */
export function summary(report: TrafficReport): string {
  const { sent, answered, failures } = report;
  const head = `${sent} sent, ${answered} answered, ${failures.length} failed`;
  const shown = failures
    .slice(0, 5)
    .map((f) => `\n  ${f.at} ${f.status === 0 ? "" : `${f.status} `}${f.reason}`);
  return head + shown.join("") + (failures.length > 5 ? `\n  … and ${failures.length - 5} more` : "");
}

function brief(body: unknown): string {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return text.replaceAll(/\s+/g, " ").slice(0, 160);
}
