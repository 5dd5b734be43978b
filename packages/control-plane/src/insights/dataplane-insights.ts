import type { DataplaneInsightSpec, Resource, ResourceKey } from "@skein/model";
import { type Store, StoreError, type Write } from "../store/store.ts";
import { timestamp } from "../store/timestamp.ts";
import type { Acknowledgement } from "../xds/fleet.ts";
import type { XdsType } from "../xds/fragment.ts";
import {
  type Counter,
  type IdentityReport,
  rejectionsIn,
  rejectionsOf,
  type SessionStart,
  type SessionState,
  subscriptionOf,
  withSubscription,
} from "./subscription.ts";

/** One proxy, by mesh and name. */
export interface ProxyName {
  readonly mesh: string;
  readonly name: string;
}

/** Reports what happens on one stream. Cheap: nothing is written before the next flush. */
export interface InsightSession {
  sent(type: XdsType): void;
  /** An ACK clears what was known to be refused of its type, a NACK replaces it. */
  answered(ack: Acknowledgement): void;
  identity(report: IdentityReport): void;
  disconnected(): void;
}

export interface DataplaneInsightsOptions {
  readonly store: Store;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds between flushes of counters. */
  readonly flushInterval?: number;
  /** Milliseconds until a connection, a disconnection, a certificate or a rejection is written. */
  readonly urgentFlushDelay?: number;
  /** Subscriptions kept per proxy. */
  readonly subscriptionLimit?: number;
  /** Called when a flush failed; what it wanted to write stays pending and is tried again. */
  readonly onError?: (error: unknown) => void;
}

interface Entry {
  readonly proxy: ProxyName;
  readonly state: SessionState;
  dirty: boolean;
}

const ATTEMPTS = 5;

/**
 * Turns what happens on the streams into DataplaneInsight resources. All proxies with news are written in one
 * transaction: soon after something that people wait for, otherwise on an interval. Holds one small record per open
 * stream, and per closed stream until it is written.
 */
export class DataplaneInsights {
  readonly #store: Store;
  readonly #now: () => number;
  readonly #flushInterval: number;
  readonly #urgentFlushDelay: number;
  readonly #limit: number;
  readonly #onError: (error: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  #timer: { readonly handle: NodeJS.Timeout; readonly due: number } | undefined;
  #flushing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: DataplaneInsightsOptions) {
    this.#store = options.store;
    this.#now = options.now;
    this.#flushInterval = options.flushInterval ?? 10_000;
    this.#urgentFlushDelay = options.urgentFlushDelay ?? 500;
    this.#limit = options.subscriptionLimit ?? 2;
    this.#onError = options.onError ?? (() => undefined);
  }

  /** Registers an open stream of a proxy. */
  connected(proxy: ProxyName, start: SessionStart): InsightSession {
    const state: SessionState = {
      start,
      connectTime: this.#time(),
      disconnectTime: undefined,
      lastUpdateTime: undefined,
      generation: 0,
      counts: new Map(),
      rejections: new Map(),
      identity: undefined,
      unflushedCertificates: 0,
    };
    const entry: Entry = { proxy: { mesh: proxy.mesh, name: proxy.name }, state, dirty: true };
    this.#entries.set(start.id, entry);
    this.#schedule(this.#urgentFlushDelay);
    return {
      sent: (type) => this.#count(entry, type, "sent"),
      answered: (ack) => {
        const wasRefused = state.rejections.delete(ack.type);
        if (ack.rejected) state.rejections.set(ack.type, rejectionsIn(ack, this.#time()));
        this.#count(
          entry,
          ack.type,
          ack.rejected ? "rejected" : "acknowledged",
          wasRefused || !!ack.rejected,
        );
      },
      identity: (report) => {
        if (report.issued && report.issued.at !== state.identity?.issued?.at) state.unflushedCertificates++;
        state.identity = report;
        this.#touch(entry, true);
      },
      disconnected: () => {
        if (state.disconnectTime !== undefined) return;
        state.disconnectTime = this.#time();
        this.#touch(entry, true);
      },
    };
  }

  /** Writes all news. Resolves when they are durable; a failure is reported to `onError` and leaves them pending. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#flushOnce());
    return this.#flushing;
  }

  /** Marks every open stream as disconnected and writes what is pending. */
  async close(): Promise<void> {
    for (const entry of this.#entries.values()) {
      entry.state.disconnectTime ??= this.#time();
      entry.dirty = true;
    }
    this.#isClosed = true;
    if (this.#timer) clearTimeout(this.#timer.handle);
    this.#timer = undefined;
    await this.flush();
  }

  #time(): string {
    return timestamp(this.#now());
  }

  #count(entry: Entry, type: XdsType, counter: Counter, urgent = false): void {
    const counts = entry.state.counts.get(type) ?? { sent: 0, acknowledged: 0, rejected: 0 };
    counts[counter]++;
    entry.state.counts.set(type, counts);
    this.#touch(entry, urgent);
  }

  #touch(entry: Entry, urgent: boolean): void {
    entry.state.lastUpdateTime = this.#now();
    entry.dirty = true;
    this.#schedule(urgent ? this.#urgentFlushDelay : this.#flushInterval);
  }

  #schedule(delay: number): void {
    if (this.#isClosed) return;
    const due = this.#now() + delay;
    if (this.#timer && this.#timer.due <= due) return;
    if (this.#timer) clearTimeout(this.#timer.handle);
    const handle = setTimeout(() => {
      this.#timer = undefined;
      void this.flush();
    }, delay);
    handle.unref();
    this.#timer = { handle, due };
  }

  async #flushOnce(): Promise<void> {
    const news = [...this.#entries.values()].filter((entry) => entry.dirty);
    if (news.length === 0) return;
    for (const entry of news) {
      entry.dirty = false;
      entry.state.generation++;
    }
    const certificates = news.map((entry) => entry.state.unflushedCertificates);
    try {
      await this.#write(news);
    } catch (error) {
      for (const entry of news) entry.dirty = true;
      this.#onError(error);
      this.#schedule(this.#flushInterval);
      return;
    }
    for (const [index, entry] of news.entries()) {
      const isOpen = entry.state.disconnectTime === undefined;
      if (isOpen && !this.#store.get(dataplaneOf(entry.proxy))) {
        entry.dirty = true;
        this.#schedule(this.#flushInterval);
        continue;
      }
      entry.state.unflushedCertificates -= certificates[index] ?? 0;
      if (!isOpen && !entry.dirty) this.#entries.delete(entry.state.start.id);
    }
  }

  async #write(news: readonly Entry[]): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      const writes = this.#writes(news);
      if (writes.length === 0) return;
      try {
        await this.#store.write(writes);
        return;
      } catch (error) {
        const isRace =
          error instanceof StoreError && error.code !== "unavailable" && error.code !== "corrupt";
        if (!isRace || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /** One write per proxy, also where several of its streams have news; none where there is no Dataplane (yet). */
  #writes(news: readonly Entry[]): readonly Write[] {
    const byProxy = Map.groupBy(news, ({ proxy }) => `${proxy.mesh}/${proxy.name}`);
    return [...byProxy.values()].flatMap((entries): readonly Write[] => {
      const proxy = entries[0]?.proxy;
      if (!proxy) return [];
      const owner = dataplaneOf(proxy);
      if (!this.#store.get(owner)) return [];
      const key = { type: "DataplaneInsight", mesh: proxy.mesh, name: proxy.name };
      const stored = this.#store.get<Resource<DataplaneInsightSpec>>(key);
      const spec = entries.reduce((spec, { state }) => merged(spec, state, this.#limit), stored?.spec ?? {});
      const resource = { ...key, labels: stored?.labels ?? {}, spec, owner };
      return stored
        ? [{ op: "update", resource, ifRevision: stored.revision }]
        : [{ op: "create", resource }];
    });
  }
}

function dataplaneOf({ mesh, name }: ProxyName): ResourceKey {
  return { type: "Dataplane", mesh, name };
}

/** A stream that a newer one has replaced still ends its subscription, and says nothing else any more. */
function merged(stored: DataplaneInsightSpec, state: SessionState, limit: number): DataplaneInsightSpec {
  const subscriptions = withSubscription(stored.subscriptions ?? [], subscriptionOf(state), limit);
  if (subscriptions.at(-1)?.id !== state.start.id) return { ...stored, subscriptions };
  const { rejections: _, ...rest } = stored;
  const rejections = rejectionsOf(state);
  const { identity, unflushedCertificates } = state;
  return {
    ...rest,
    subscriptions,
    ...(identity ? { mTLS: certificateOf(stored.mTLS, identity, unflushedCertificates) } : {}),
    metadata: { ...state.start.metadata },
    ...(rejections.length === 0 ? {} : { rejections }),
  };
}

function certificateOf(
  stored: DataplaneInsightSpec["mTLS"],
  { issuedBackend, supportedBackends, issued }: IdentityReport,
  added: number,
): NonNullable<DataplaneInsightSpec["mTLS"]> {
  const regenerations = (stored?.certificateRegenerations ?? 0) + added;
  return {
    ...(issued ? { certificateExpirationTime: issued.expires, lastCertificateRegeneration: issued.at } : {}),
    ...(regenerations === 0 ? {} : { certificateRegenerations: regenerations }),
    issuedBackend,
    ...(supportedBackends.length === 0 ? {} : { supportedBackends: [...supportedBackends] }),
  };
}
