import type { DataplaneSpec, NewResource } from "@skein/model";
import type { DataplaneInsights } from "../insights/dataplane-insights.ts";
import { nodeFacts, UNKNOWN_NODE } from "../plan/node-facts.ts";
import type { ControlPlaneMetrics } from "../telemetry/metrics.ts";
import {
  type ConfigSink,
  type Fleet,
  type NodeInfo,
  type ProxyInfo,
  type StreamEvents,
  StreamRefused,
} from "../xds/fleet.ts";
import { type AdmissionOptions, admittedDataplane } from "./admission.ts";
import {
  type DataplaneLifecycle,
  makeReady,
  type ProxyKey,
  removeGone,
  storeArrived,
} from "./dataplane-lifecycle.ts";
import { Departures } from "./departures.ts";
import { Planning, type PlanningOptions } from "./planning.ts";
import { ConnectedProxy, type ProxyStream } from "./proxies.ts";
import { rulesBehind } from "./rules-behind.ts";

export interface LiveFleetOptions
  extends AdmissionOptions,
    DataplaneLifecycle,
    Omit<PlanningOptions, "proxyOf" | "onEnd"> {
  readonly insights: DataplaneInsights;
  readonly instanceId: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly randomId: () => string;
  /** How long a proxy that went keeps its Dataplane. */
  readonly deregistrationDelayMs: number;
  readonly metrics: Pick<
    ControlPlaneMetrics,
    "sent" | "answered" | "delivered" | "planned" | "planningFailed"
  >;
  readonly log: {
    warn(details: object, message: string): void;
    error(details: object, message: string): void;
  };
  /** A proxy answered, came or went, or a planning cycle ended: stages may move on. */
  readonly onProgress: () => void;
  /** A process that holds nothing yet has connected. */
  readonly onStart: (proxy: ConnectedProxy) => void;
  /** The first stream of a proxy began, or the last one ended. */
  readonly onPresence: (proxy: ConnectedProxy) => void;
  /** A proxy has been away for so long that it counts as gone. */
  readonly onGone: (proxy: ConnectedProxy) => void;
}

/** So many times the usual delay has a proxy to find a control plane that starts: all of them look for it at once. */
const RETURN_DELAYS = 6;

/** Connects proxies with what the world says they should hold, and keeps the record of what they answered. */
export class LiveFleet implements Fleet {
  readonly #options: LiveFleetOptions;
  readonly #planning: Planning;
  readonly #proxies = new Map<string, ConnectedProxy>();
  readonly #departures: Departures;
  /** Those who were away before this control plane started. */
  readonly #lost = new Set<string>();
  /** Called when a proxy has come to hold what it should, or has gone. */
  readonly #looks = new Set<() => void>();
  #isClosed = false;

  constructor(options: LiveFleetOptions) {
    this.#options = options;
    this.#departures = new Departures(options.monotonic);
    this.#planning = new Planning({
      ...options,
      proxyOf: (id) => this.#proxies.get(id),
      onEnd: () => this.#progress(),
    });
  }

  /** All connected proxies. */
  get proxies(): Iterable<ConnectedProxy> {
    return this.#proxies.values();
  }

  proxy(mesh: string, name: string): ConnectedProxy | undefined {
    return this.#proxies.get(`${mesh}/${name}`);
  }

  /** Whether a proxy of the mesh is connected. */
  hasProxies(mesh: string): boolean {
    return this.#proxies.values().some((proxy) => proxy.mesh === mesh);
  }

  /** Every proxy has answered all it should hold, and nothing is being planned. */
  isSettled(mesh: string): boolean {
    if (!this.#planning.isIdle) return false;
    for (const proxy of this.#proxies.values()) if (proxy.mesh === mesh && !proxy.isSettled) return false;
    return true;
  }

  /** Proxies of a mesh that are away and may come back: until then they go on with what they have. */
  away(mesh: string): ReadonlySet<string> {
    return new Set(
      [...this.#departures.away].filter((id) => id.startsWith(`${mesh}/`) && !this.#lost.has(id)),
    );
  }

  /** Those of these proxies that are still away, or back without holding what they should. */
  unreached(ids: ReadonlySet<string>): ReadonlySet<string> {
    return new Set(
      [...ids].filter((id) => {
        const proxy = this.#proxies.get(id);
        return this.#departures.isAway(id) || (proxy !== undefined && !this.#isServed(proxy));
      }),
    );
  }

  /** Resolves when none of these proxies is unreached any more, or at the signal. */
  reached(ids: ReadonlySet<string>, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!signal.aborted && this.unreached(ids).size > 0) return;
        this.#looks.delete(look);
        signal.removeEventListener("abort", look);
        resolve();
      };
      this.#looks.add(look);
      signal.addEventListener("abort", look);
      look();
    });
  }

  /** Resources changed: what they affect is planned soon. */
  changed(revision: number): void {
    this.#planning.changed(revision);
  }

  /** Something other than a resource changed what proxies should hold. */
  replan(): void {
    this.#planning.replan();
  }

  whenIdle(): Promise<void> {
    return this.#planning.whenIdle();
  }

  /**
   * These were connected before this control plane started and brought their Dataplanes along. Those that do not come
   * back lose them, as if they had left under its eyes: callers must not be sent to them for ever. Those that were not
   * connected up to the end of the control plane before are not waited for otherwise.
   */
  expect(proxies: readonly ProxyKey[], connectedUntilNow: ReadonlySet<string>): void {
    const { deregistrationDelayMs } = this.#options;
    for (const key of proxies) {
      const id = `${key.mesh}/${key.name}`;
      if (!connectedUntilNow.has(id)) this.#lost.add(id);
      this.#departures.left(`${key.mesh}/${key.name}`, RETURN_DELAYS * deregistrationDelayMs, () => {
        this.#lost.delete(id);
        if (this.proxy(key.mesh, key.name) === undefined) void removeGone(this.#options, key);
        this.#progress();
      });
    }
  }

  /**
   * Finds out whether a proxy may have a stream, and answers with the Dataplane that it brings along, if any.
   * @throws StreamRefused
   */
  async admit(node: ProxyInfo): Promise<NewResource<DataplaneSpec> | undefined> {
    if (this.#isClosed) throw new StreamRefused("unavailable", "the control plane is stopping");
    return admittedDataplane(this.#options, node);
  }

  async connect(node: NodeInfo, sink: ConfigSink): Promise<StreamEvents> {
    const starting = await this.#departures.arriving(async () =>
      storeArrived(this.#options, node, await this.admit(node)),
    );
    const { world, insights, instanceId, randomId } = this.#options;
    const id = `${node.mesh}/${node.name}`;
    this.#departures.back(id);
    this.#lost.delete(id);
    const proxy = this.#proxies.get(id) ?? this.#add(node);
    proxy.starting = starting;
    proxy.isSelfRegistered ||= typeof node.metadata["dataplane.resource"] === "string";
    world.mesh(node.mesh).node.set(node.name, nodeFacts(node.metadata));
    const session = insights.connected(proxy, {
      id: randomId(),
      controlPlaneInstanceId: instanceId,
      metadata: node.metadata,
    });
    const stream: ProxyStream = { sink, session, acknowledged: 0 };
    proxy.streams.add(stream);
    if (!node.reconnects) this.#options.onStart(proxy);
    if (proxy.streams.size === 1) this.#options.onPresence(proxy);
    if (proxy.config !== undefined) sink.set(proxy.config, proxy.wanted);
    this.#planning.mark(id);
    return this.#events(proxy, stream);
  }

  /** Ends all timers; streams are ended by their server. Dataplanes of connected proxies stay. */
  close(): void {
    this.#isClosed = true;
    this.#departures.close();
  }

  #add(node: NodeInfo): ConnectedProxy {
    const { world, changes, now } = this.#options;
    const proxy = new ConnectedProxy(node.mesh, node.name, { now }, changes);
    const config = world.mesh(node.mesh).config.at(node.name);
    proxy.unobserve = world.graph.observe(config, () => this.#planning.mark(proxy.id));
    this.#proxies.set(proxy.id, proxy);
    return proxy;
  }

  #events(proxy: ConnectedProxy, stream: ProxyStream): StreamEvents {
    const { metrics, monotonic } = this.#options;
    const { session } = stream;
    return {
      sent: (type) => {
        session.sent(type);
        metrics.sent();
      },
      answered: (ack) => {
        metrics.answered(ack.rejected !== undefined);
        session.answered(ack);
        proxy.answered(ack, (...resource) => rulesBehind(this.#options.world, proxy, ...resource));
        if (ack.rejected !== undefined) this.#progress();
      },
      inSync: (revision) => {
        const pushed = proxy.pushedAt;
        proxy.inSync(stream, revision);
        if (pushed !== undefined && proxy.isSettled) metrics.delivered(monotonic() - pushed);
        if (this.#isServed(proxy)) void makeReady(this.#options, proxy);
        this.#progress();
      },
      closed: () => {
        session.disconnected();
        proxy.closed(stream);
        if (proxy.streams.size === 0) {
          this.#options.onPresence(proxy);
          this.#gone(proxy);
        }
        this.#progress();
      },
    };
  }

  #gone(proxy: ConnectedProxy): void {
    const { world, deregistrationDelayMs, onGone } = this.#options;
    this.#departures.left(proxy.id, deregistrationDelayMs, () => {
      if (proxy.streams.size > 0) return;
      this.#proxies.delete(proxy.id);
      proxy.unobserve();
      world.mesh(proxy.mesh).node.set(proxy.name, UNKNOWN_NODE);
      onGone(proxy);
      if (proxy.isSelfRegistered) void removeGone(this.#options, proxy);
      this.#progress();
    });
  }

  #isServed(proxy: ConnectedProxy): boolean {
    return proxy.config !== undefined && proxy.isSettled;
  }

  #progress(): void {
    this.#options.onProgress();
    for (const look of [...this.#looks]) look();
  }
}
