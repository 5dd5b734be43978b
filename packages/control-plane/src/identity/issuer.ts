import type { Clock } from "./clock.ts";
import { createIssueQueue } from "./issue-queue.ts";
import type { Leaf, LeafRequest } from "./leaf.ts";
import { dueAt, issuedFrom, type Schedule } from "./renewal.ts";
import { type RandomBytes, randomSerial } from "./x509/serial.ts";

/** Whatever signs workload certificates: a CA of ours, or a remote one. */
export interface SigningAuthority {
  /** Identifies the material: after a change of it, every certificate is issued anew. */
  readonly id: string;
  issue(leaf: LeafRequest): Promise<Leaf>;
}

/** The certificate that one workload should hold. */
export interface SvidRequest {
  /** Whose certificate it is: it outlives streams and reconnects, so it is the proxy's id, not the stream's. */
  readonly key: string;
  readonly uris: readonly string[];
  readonly authority: SigningAuthority;
  readonly ttlMs: number;
}

/** An issued workload certificate, and what it was issued for. */
export interface Svid extends Leaf {
  readonly uris: readonly string[];
  readonly authorityId: string;
  readonly issuedAt: number;
}

/** Why a workload has no certificate, or none newer than the one it holds. */
export interface IssueFailure {
  readonly key: string;
  readonly error: string;
  /** When the first of the attempts failed. */
  readonly since: number;
  readonly attempts: number;
}

export interface IssuerOptions {
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** A number in [0, 1), for jitter. */
  readonly jitter: () => number;
  /** Certificates in the making at the same time. */
  readonly concurrency: number;
  readonly onIssued: (key: string, svid: Svid) => void;
  readonly onFailed?: (failure: IssueFailure) => void;
  /** An authority that has not answered by then has failed. 10 s by default. */
  readonly timeoutMs?: number;
  /** At least this often the machine's clock is compared with what is held, to notice a jump. 30 s by default. */
  readonly checkIntervalMs?: number;
  /** Renewals started at one time, unless the held certificate is not valid. 50 by default. */
  readonly renewalBatch?: number;
}

/** Keeps one valid certificate for each workload that asked. */
export interface Issuer {
  /**
   * States what a workload should hold. Does nothing when that is what it holds or is being issued; else issues, and
   * `onIssued` tells when. Gives what `current` gives.
   */
  request(request: SvidRequest): Svid | undefined;
  /** The newest certificate of a workload, if it is valid now. While a changed one is issued, this is the old one. */
  current(key: string): Svid | undefined;
  /** The workload is gone: its certificate is dropped and never renewed. */
  forget(key: string): void;
  failure(key: string): IssueFailure | undefined;
  failures(): readonly IssueFailure[];
  close(): void;
}

interface Entry {
  request: SvidRequest;
  svid: Svid | undefined;
  schedule: Schedule | undefined;
  failure: (IssueFailure & { readonly failedAt: number; readonly retryAt: number }) | undefined;
}

const retryFirstMs = 1_000;
const retryMostMs = 60_000;
const batchGapMs = 100;

/**
 * Issues at the first request, when what is asked for changes, and at two thirds of a certificate's life (a little
 * earlier for some than for others, so that a fleet that came up together does not renew together). A failing
 * authority is asked again after one second, doubling up to a minute. The machine's clock may jump: what is due is
 * judged by it anew, at intervals of elapsed time.
 */
export function createIssuer(options: IssuerOptions): Issuer {
  const { clock } = options;
  const checkIntervalMs = options.checkIntervalMs ?? 30_000;
  const renewalBatch = options.renewalBatch ?? 50;
  const entries = new Map<string, Entry>();
  const queue = createIssueQueue(options.concurrency, issue);
  let closed = false;
  let wake: { readonly at: number; readonly cancel: () => void } | undefined;

  async function issue(key: string): Promise<void> {
    const entry = entries.get(key);
    if (entry === undefined) return;
    const { request } = entry;
    const issuedAt = clock.now();
    let svid: Svid;
    try {
      const leaf = await withTimeout(
        request.authority.issue({
          uris: request.uris,
          ttlMs: request.ttlMs,
          now: issuedAt,
          serial: randomSerial(options.random),
        }),
      );
      svid = { ...leaf, uris: request.uris, authorityId: request.authority.id, issuedAt };
    } catch (cause) {
      if (isWanted(key, entry, request)) failed(key, entry, cause);
      return;
    }
    if (!isWanted(key, entry, request)) return;
    entry.svid = svid;
    entry.failure = undefined;
    entry.schedule = issuedFrom(svid, options.jitter());
    wakeBy(entry.schedule.renewAt);
    options.onIssued(key, svid);
  }

  function isWanted(key: string, entry: Entry, request: SvidRequest): boolean {
    return !closed && entries.get(key) === entry && entry.request === request;
  }

  function failed(key: string, entry: Entry, cause: unknown): void {
    const now = clock.now();
    const attempts = (entry.failure?.attempts ?? 0) + 1;
    const wait = Math.min(retryFirstMs * 2 ** (attempts - 1), retryMostMs) * (0.5 + options.jitter());
    const error = cause instanceof Error ? cause.message : String(cause);
    const since = entry.failure?.since ?? now;
    entry.failure = { key, error, since, attempts, failedAt: now, retryAt: now + wait };
    wakeBy(now + wait);
    options.onFailed?.(publicFailure(entry.failure));
  }

  function withTimeout<Value>(work: Promise<Value>): Promise<Value> {
    const timeoutMs = options.timeoutMs ?? 10_000;
    return new Promise((resolve, reject) => {
      const cancel = clock.schedule(timeoutMs, () =>
        reject(new Error(`the certificate authority did not answer within ${timeoutMs} ms`)),
      );
      work.then(resolve, reject).finally(cancel);
    });
  }

  function wakeBy(at: number): void {
    if (closed) return;
    const now = clock.now();
    const target = Math.min(Math.max(at, now + batchGapMs), now + checkIntervalMs);
    if (wake !== undefined && wake.at <= target && wake.at > now) return;
    wake?.cancel();
    wake = { at: target, cancel: clock.schedule(target - now, sweep) };
  }

  function sweep(): void {
    wake = undefined;
    const now = clock.now();
    let next = now + checkIntervalMs;
    let renewals = 0;
    for (const [key, entry] of entries) {
      if (queue.has(key)) continue;
      const at = dueAt(entry, now);
      if (at > now) {
        next = Math.min(next, at);
      } else if (!isValid(entry.svid, now)) {
        queue.add(key, "urgent");
      } else if (renewals < renewalBatch) {
        queue.add(key, "renewal");
        renewals++;
      } else {
        next = now;
      }
    }
    if (entries.size > 0) wakeBy(next);
  }

  function current(key: string): Svid | undefined {
    const svid = entries.get(key)?.svid;
    return isValid(svid, clock.now()) ? svid : undefined;
  }

  return {
    request(request) {
      const known = entries.get(request.key);
      if (known === undefined) {
        entries.set(request.key, { request, svid: undefined, schedule: undefined, failure: undefined });
        queue.add(request.key, "urgent");
        wakeBy(clock.now() + checkIntervalMs);
      } else if (!isSameRequest(known.request, request)) {
        known.request = request;
        known.failure = undefined;
        queue.add(request.key, "urgent");
      } else if (!isValid(known.svid, clock.now()) && !known.failure && !queue.has(request.key)) {
        queue.add(request.key, "urgent");
      }
      return current(request.key);
    },
    current,
    forget(key) {
      entries.delete(key);
      queue.remove(key);
      if (entries.size === 0) {
        wake?.cancel();
        wake = undefined;
      }
    },
    failure(key) {
      const failure = entries.get(key)?.failure;
      return failure && publicFailure(failure);
    },
    failures() {
      return [...entries.values()].flatMap(({ failure }) => (failure ? [publicFailure(failure)] : []));
    },
    close() {
      closed = true;
      wake?.cancel();
      queue.clear();
      entries.clear();
    },
  };
}

function isValid(svid: Svid | undefined, now: number): svid is Svid {
  return svid !== undefined && now >= svid.notBefore && now < svid.notAfter;
}

function isSameRequest(one: SvidRequest, other: SvidRequest): boolean {
  return (
    one.authority.id === other.authority.id &&
    one.ttlMs === other.ttlMs &&
    one.uris.length === other.uris.length &&
    one.uris.every((uri, index) => uri === other.uris[index])
  );
}

function publicFailure({ key, error, since, attempts }: IssueFailure): IssueFailure {
  return { key, error, since, attempts };
}
