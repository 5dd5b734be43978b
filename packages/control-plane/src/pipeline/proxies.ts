import type { DataplaneSpec, NewResource } from "@skein/model";
import type { ProxyStatus, RejectedResource } from "../api/ports.ts";
import type { InsightSession } from "../insights/dataplane-insights.ts";
import type { IdentityReport } from "../insights/subscription.ts";
import type { Acknowledgement, ConfigSink } from "../xds/fleet.ts";
import type { Fragment, ProxyConfig, XdsType } from "../xds/fragment.ts";
import { differingNames } from "../xds/fragments.ts";
import type { ChangeLog } from "./change-log.ts";

/** One open stream of a proxy. */
export interface ProxyStream {
  readonly sink: ConfigSink;
  readonly session: InsightSession;
  acknowledged: number;
}

/** The Dataplane of a new instance, and the store revision at which it is not ready yet. */
export interface StartingDataplane {
  readonly resource: NewResource<DataplaneSpec>;
  readonly revision: number;
}

/** A version of a resource that the proxy refused; it stays refused until another version takes its place. */
interface Refused {
  readonly version: string;
  readonly resource: RejectedResource;
}

/** The rules behind a version of a resource; none where that is not known any more. */
export type RulesOf = (type: XdsType, name: string, version: string) => readonly string[];

export interface ProxyClock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What a connected proxy holds, should hold and has answered. Two streams of one proxy are both served. */
export class ConnectedProxy {
  readonly mesh: string;
  readonly name: string;
  readonly streams = new Set<ProxyStream>();
  config: ProxyConfig | undefined;
  /** Generation of the newest configuration: one more with each, over all proxies. */
  wanted = 0;
  /** Monotonic time at which it was sent. */
  pushedAt: number | undefined;
  /** Store revisions that the newest and the acknowledged configuration reflect. */
  #wantedRevision = 0;
  #acknowledgedRevision = 0;
  /** Secrets that its newest configuration needs and that are still being made: until then it keeps the one before. */
  waitsFor: readonly string[] = [];
  /** It brought its Dataplane along, so that goes when it goes. */
  isSelfRegistered = false;
  /** What its Dataplane becomes when its listeners are up; `undefined` where nobody waits for that. */
  starting: StartingDataplane | undefined;
  /** Ends the observation of its configuration. */
  unobserve: () => void = () => undefined;
  readonly #clock: ProxyClock;
  readonly #changes: ChangeLog;
  /** Changes that this proxy has not answered, with the generation that carries them. */
  readonly #open = new Map<number, number>();
  readonly #rejected = new Map<XdsType, readonly Refused[]>();
  #identity: ProxyStatus["identity"];
  #state: ProxyStatus["state"] = "behind";
  #since: number;

  constructor(mesh: string, name: string, clock: ProxyClock, changes: ChangeLog) {
    this.mesh = mesh;
    this.name = name;
    this.#clock = clock;
    this.#changes = changes;
    this.#since = clock.now();
  }

  get id(): string {
    return `${this.mesh}/${this.name}`;
  }

  get acknowledged(): number {
    let lowest = Number.POSITIVE_INFINITY;
    for (const stream of this.streams) lowest = Math.min(lowest, stream.acknowledged);
    return Number.isFinite(lowest) ? lowest : 0;
  }

  /** Everything it should hold has been answered, well or badly. */
  get isSettled(): boolean {
    return this.waitsFor.length === 0 && this.acknowledged >= this.wanted;
  }

  get rejected(): readonly RejectedResource[] {
    return [...this.#rejected.values()].flatMap((all) => all.map(({ resource }) => resource));
  }

  /** A new configuration, caused by these changes. */
  push(config: ProxyConfig, generation: number, revision: number, changes: readonly number[]): void {
    const fragments = this.config === undefined ? [] : differences(this.config, config);
    this.config = config;
    this.wanted = generation;
    this.#wantedRevision = revision;
    if (changes.length > 0) {
      this.#changes.affected(changes, this.mesh, this.name, fragments);
      for (const id of changes) this.#open.set(id, generation);
    }
    for (const { sink } of this.streams) sink.set(config, generation);
    this.#update();
  }

  /** A refusal that blames no resource yet decides nothing: the server is still finding out which it is. */
  answered(ack: Acknowledgement, rulesOf: RulesOf = () => []): void {
    const { type, rejected } = ack;
    if (rejected !== undefined && rejected.resources.length === 0) return;
    const blamed = (rejected?.resources ?? []).map(({ name, version, origins }) => {
      const rules = rulesOf(type, name, version);
      return {
        version,
        resource: {
          type,
          name,
          message: rejected?.message ?? "",
          policies: origins,
          ...(rules.length === 0 ? {} : { rules }),
        },
      };
    });
    const before = this.#stillRejected(type).filter(
      ({ resource: { name } }) => !blamed.some((each) => each.resource.name === name),
    );
    this.#keepRejected(type, [...before, ...blamed]);
    if (rejected !== undefined) {
      const open = Array.from(this.#open).flatMap(([id, needed]) => (needed <= ack.revision ? [id] : []));
      this.#changes.answered(open, this.mesh, this.name, "rejected", this.rejected);
      for (const id of open) this.#open.delete(id);
    }
    this.#update();
  }

  /** A refused version stays so until another one takes its place. */
  #stillRejected(type: XdsType): readonly Refused[] {
    return (this.#rejected.get(type) ?? []).filter(
      ({ version, resource: { name } }) => versionIn(this.config, type, name) === version,
    );
  }

  #keepRejected(type: XdsType, refused: readonly Refused[]): void {
    if (refused.length === 0) this.#rejected.delete(type);
    else this.#rejected.set(type, refused);
  }

  /** It holds everything up to this generation, but for what it refused. */
  inSync(stream: ProxyStream, generation: number): void {
    stream.acknowledged = Math.max(stream.acknowledged, generation);
    const acknowledged = this.acknowledged;
    if (acknowledged >= this.wanted) {
      this.#acknowledgedRevision = this.#wantedRevision;
      for (const type of [...this.#rejected.keys()]) this.#keepRejected(type, this.#stillRejected(type));
    }
    const done = Array.from(this.#open).flatMap(([id, needed]) => (needed <= acknowledged ? [id] : []));
    if (done.length > 0) {
      this.#changes.answered(done, this.mesh, this.name, "acknowledged");
      for (const id of done) this.#open.delete(id);
    }
    this.#update();
  }

  /** It got a certificate. */
  certified(spiffeId: string, expires: string, report: IdentityReport): void {
    this.#identity = { spiffeId, expires };
    for (const { session } of this.streams) session.identity(report);
  }

  /** A stream ended; with the last one the proxy is gone. */
  closed(stream: ProxyStream): void {
    this.streams.delete(stream);
    if (this.streams.size === 0) {
      this.#changes.answered(this.#open.keys(), this.mesh, this.name, "gone");
      this.#open.clear();
    }
    this.#update();
  }

  status(): ProxyStatus {
    const { config } = this;
    return {
      mesh: this.mesh,
      name: this.name,
      state: this.#state,
      connected: this.streams.size > 0,
      since: new Date(this.#since).toISOString(),
      wantedRevision: this.#wantedRevision,
      acknowledgedRevision: this.#acknowledgedRevision,
      resources:
        config === undefined
          ? {}
          : {
              cluster: config.clusters.size,
              endpoint: config.endpoints.size,
              listener: config.listeners.size,
              route: config.routes.size,
              secret: config.secrets.size,
            },
      rejected: this.rejected,
      ...(this.#identity === undefined ? {} : { identity: this.#identity }),
      conditions: this.#conditions(),
    };
  }

  #conditions(): ProxyStatus["conditions"] {
    const conditions: { readonly type: string; readonly message: string }[] = [];
    if (this.streams.size > 1) {
      const message = `${this.streams.size} proxies are connected under this name`;
      conditions.push({ type: "DuplicateProxy", message });
    }
    if (this.waitsFor.length > 0) {
      const message = `newer configuration waits for certificates: ${this.waitsFor.join(", ")}`;
      conditions.push({ type: "WaitingForCertificate", message });
    }
    return conditions;
  }

  #update(): void {
    const state =
      this.streams.size === 0
        ? "offline"
        : this.#rejected.size > 0
          ? "rejected"
          : this.isSettled
            ? "in-sync"
            : "behind";
    if (state === this.#state) return;
    this.#state = state;
    this.#since = this.#clock.now();
  }
}

const FIELDS = {
  cluster: "clusters",
  endpoint: "endpoints",
  listener: "listeners",
  route: "routes",
  secret: "secrets",
} as const;

function versionIn(config: ProxyConfig | undefined, type: XdsType, name: string): string | undefined {
  return type === "runtime" ? undefined : config?.[FIELDS[type]].get(name)?.version;
}

function differences(before: ProxyConfig, after: ProxyConfig): readonly Fragment[] {
  const changed: Fragment[] = [];
  for (const key of Object.values(FIELDS)) {
    const [old, now] = [before[key], after[key]];
    for (const name of differingNames(old, now)) {
      const fragment = now.get(name) ?? old.get(name);
      if (fragment !== undefined) changed.push(fragment);
    }
  }
  return changed;
}
