import type { DataplaneResource, DataplaneSpec, LabelContext, NewResource } from "@skein/model";
import type { ProxyPlan } from "@skein/policies";
import { withZoneTags } from "../defaults/dataplane-defaults.ts";
import { isTakenOut, putBack, withFoundStates, withInbounds } from "../defaults/inbound-states.ts";
import type { Outcome } from "../identity/outcome.ts";
import type { DataplaneInsights } from "../insights/dataplane-insights.ts";
import { nodeFacts, UNKNOWN_NODE } from "../plan/node-facts.ts";
import { type Store, StoreError } from "../store/store.ts";
import type { ControlPlaneMetrics } from "../telemetry/metrics.ts";
import {
  type AuthenticatedProxy,
  checkDataplaneToken,
  checkWorkloadLabel,
} from "../tokens/dataplane-auth.ts";
import type { TokenValidator } from "../tokens/validate.ts";
import {
  type ConfigSink,
  type Fleet,
  type NodeInfo,
  type ProxyInfo,
  type StreamEvents,
  StreamRefused,
} from "../xds/fleet.ts";
import type { ChangeLog } from "./change-log.ts";
import { Departures } from "./departures.ts";
import { ConnectedProxy, type ProxyStream, type StartingDataplane } from "./proxies.ts";
import {
  authenticatedProxy,
  notReady,
  registeredDataplane,
  requireMesh,
  sameStates,
} from "./registration.ts";
import { rulesBehind } from "./rules-behind.ts";
import { Scheduler } from "./scheduler.ts";
import type { World } from "./world.ts";

export interface LiveFleetOptions {
  readonly world: World;
  readonly store: Store;
  readonly changes: ChangeLog;
  readonly insights: DataplaneInsights;
  readonly labels: LabelContext;
  readonly instanceId: string;
  /** Verifies dataplane tokens; absent where proxies need none. */
  readonly tokens: TokenValidator | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly randomId: () => string;
  readonly batchMs: number;
  readonly batchMaxMs: number;
  /** Inbounds with a probe wait for its result. */
  readonly probes: boolean;
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
  /** The plan of a connected proxy changed. */
  readonly onPlanned: (proxy: ConnectedProxy, plan: ProxyPlan | undefined) => void;
  /** A proxy answered, came or went, or a planning cycle ended: stages may move on. */
  readonly onProgress: () => void;
  /** A process that holds nothing yet has connected. */
  readonly onStart: (proxy: ConnectedProxy) => void;
  /** The first stream of a proxy began, or the last one ended. */
  readonly onPresence: (proxy: ConnectedProxy) => void;
  /** A proxy has been away for so long that it counts as gone. */
  readonly onGone: (proxy: ConnectedProxy) => void;
}

/**
 * A Dataplane that no proxy brings along is still out from when its proxy drained. Where nothing looks how proxies are, it
 * is ready again as soon as the listeners of the next one are up.
 */
function drainedBefore(stored: DataplaneResource | undefined): StartingDataplane | undefined {
  if (stored === undefined) return undefined;
  const spec = withInbounds(stored.spec, (inbound) => (isTakenOut(inbound) ? putBack(inbound) : inbound));
  if (spec === stored.spec) return undefined;
  const { creationTime: _, modificationTime: __, revision, ...rest } = stored;
  return { resource: { ...rest, spec }, revision };
}

/** Whom a stream or a Dataplane is about. */
type ProxyKey = Pick<DataplaneResource, "mesh" | "name">;

/** So many times the usual delay has a proxy to find a control plane that starts: all of them look for it at once. */
const RETURN_DELAYS = 6;

/** Connects proxies with what the world says they should hold, and keeps the record of what they answered. */
export class LiveFleet implements Fleet {
  readonly #options: LiveFleetOptions;
  readonly #scheduler: Scheduler;
  readonly #proxies = new Map<string, ConnectedProxy>();
  readonly #departures: Departures;
  /** Those who were away before this control plane started. */
  readonly #lost = new Set<string>();
  /** Called when a proxy has come to hold what it should, or has gone. */
  readonly #looks = new Set<() => void>();
  /** Changes that the current planning cycle is about. */
  #planning: readonly number[] = [];
  #generation = 0;
  #isClosed = false;

  constructor(options: LiveFleetOptions) {
    this.#options = options;
    const { changes } = options;
    this.#departures = new Departures(options.monotonic);
    let cycle: readonly number[] = [];
    this.#scheduler = new Scheduler({
      now: options.monotonic,
      batchMs: options.batchMs,
      batchMaxMs: options.batchMaxMs,
      sliceMs: 8,
      plan: (id) => this.#plan(id),
      onBegin: () => {
        cycle = changes.unplanned();
        this.#planning = cycle;
      },
      onEnd: () => {
        changes.planned(cycle);
        options.world.graph.sweep();
        this.#progress();
      },
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
    if (!this.#scheduler.isIdle) return false;
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
    this.#options.changes.begin(revision);
    this.#planning = [...this.#planning, revision];
    this.#scheduler.request();
  }

  /** Something other than a resource changed what proxies should hold. */
  replan(): void {
    this.#scheduler.request();
  }

  whenIdle(): Promise<void> {
    return this.#scheduler.whenIdle();
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
        if (this.proxy(key.mesh, key.name) === undefined) void this.#deregister(key);
        this.#progress();
      });
    }
  }

  async connect(node: NodeInfo, sink: ConfigSink): Promise<StreamEvents> {
    const starting = await this.#departures.arriving(() => this.#register(node));
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
    this.#scheduler.mark(id);
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
    proxy.unobserve = world.graph.observe(config, () => this.#scheduler.mark(proxy.id));
    this.#proxies.set(proxy.id, proxy);
    return proxy;
  }

  #plan(id: string): void {
    const proxy = this.#proxies.get(id);
    if (proxy === undefined) return;
    const { world, store, log, metrics, monotonic } = this.#options;
    const mesh = world.mesh(proxy.mesh);
    const began = monotonic();
    try {
      const config = mesh.config.at(proxy.name).get();
      this.#options.onPlanned(proxy, mesh.planner.plan.at(proxy.name).get());
      // Listeners and clusters whose certificate is still being issued would be live and refuse everybody.
      proxy.waitsFor = config?.missing ?? [];
      if (config === undefined || config === proxy.config || config.missing.length > 0) return;
      this.#generation += 1;
      proxy.push(config, this.#generation, store.revision, this.#causes(proxy.mesh));
      proxy.pushedAt = monotonic();
      metrics.planned(proxy.pushedAt - began);
    } catch (error) {
      metrics.planningFailed();
      log.error({ err: error, proxy: id }, "planning a proxy failed; it keeps what it has");
    }
  }

  /** The changes that a new configuration of a mesh's proxy belongs to. */
  #causes(mesh: string): readonly number[] {
    const held = this.#options.changes.held(mesh);
    return held.length === 0 ? this.#planning : [...new Set([...this.#planning, ...held])];
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
        if (this.#isServed(proxy)) void this.#started(proxy);
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
      if (proxy.isSelfRegistered) void this.#deregister(proxy);
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

  async #deregister({ mesh, name }: ProxyKey): Promise<void> {
    const { store, log } = this.#options;
    try {
      await store.write([{ op: "delete", key: { type: "Dataplane", mesh, name } }]);
    } catch (error) {
      if (error instanceof StoreError && error.code === "not-found") return;
      log.warn(
        { err: error, proxy: `${mesh}/${name}` },
        "the Dataplane of a proxy that went could not be removed",
      );
    }
  }

  /** The listeners of a new instance are up: from now on callers may be sent to it. */
  async #started(proxy: ConnectedProxy): Promise<void> {
    const { starting } = proxy;
    if (starting === undefined || starting.isWritten) return;
    // Until it is written the proxy counts as starting, so that no finding about it comes in between.
    const writing = { ...starting, isWritten: true };
    proxy.starting = writing;
    const { store, log } = this.#options;
    try {
      await store.write([{ op: "update", resource: starting.resource, ifRevision: starting.revision }]);
    } catch (error) {
      // Somebody else has changed or removed the Dataplane, and so has decided on its state.
      if (error instanceof StoreError && error.code !== "unavailable") return;
      log.warn({ err: error, proxy: proxy.id }, "the Dataplane of a new proxy could not be made ready");
    } finally {
      if (proxy.starting === writing) proxy.starting = undefined;
    }
  }

  /**
   * Lets the proxy in, and stores the Dataplane that it brings along. A new instance is stored as not ready: callers
   * must not be sent to it before its listeners are up. Answers with what to store then.
   * @throws StreamRefused
   */
  async #register(node: NodeInfo): Promise<StartingDataplane | undefined> {
    const { store, probes } = this.#options;
    const given = await this.admit(node);
    const key = { type: "Dataplane", mesh: node.mesh, name: node.name };
    const stored = store.get<DataplaneResource>(key);
    if (given === undefined) return probes ? undefined : drainedBefore(stored);
    // A proxy that has been running and was taken out goes on draining; one that starts has that behind it.
    const brought = withFoundStates(given, stored, { keepDrained: node.reconnects, probes });
    const isKnown = stored !== undefined && sameStates(stored.spec, brought.spec);
    const resource = isKnown ? brought : { ...brought, spec: notReady(brought.spec) };
    try {
      await store.write([{ op: "put", resource }]);
      const revision = store.get(key)?.revision;
      return isKnown || revision === undefined ? undefined : { resource: brought, revision };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new StreamRefused("unavailable", `the Dataplane could not be stored: ${reason}`);
    }
  }

  /**
   * Finds out whether a proxy may have a stream, and answers with the Dataplane that it brings along, if any.
   * @throws StreamRefused
   */
  async admit(node: ProxyInfo): Promise<NewResource<DataplaneSpec> | undefined> {
    if (this.#isClosed) throw new StreamRefused("unavailable", "the control plane is stopping");
    const { store, labels } = this.#options;
    const mesh = requireMesh(store, node.mesh);
    const brought = registeredDataplane(node, labels, (resource) =>
      withZoneTags(resource, mesh, labels.zone),
    );
    const stored = store.get<DataplaneResource>({ type: "Dataplane", mesh: node.mesh, name: node.name });
    const dataplane: NewResource<DataplaneSpec> | undefined = brought ?? stored;
    if (dataplane === undefined) {
      throw new StreamRefused(
        "invalid-argument",
        `there is no Dataplane "${node.name}" in mesh "${node.mesh}", and the proxy brought none along`,
      );
    }
    const allowed = await this.#authenticate(node, authenticatedProxy(store, dataplane, labels));
    if (!allowed.ok) throw new StreamRefused("unauthenticated", allowed.error);
    return brought;
  }

  async #authenticate(
    node: Pick<NodeInfo, "mesh" | "token">,
    proxy: AuthenticatedProxy,
  ): Promise<Outcome<unknown, string>> {
    const { tokens } = this.#options;
    if (tokens === undefined) return checkWorkloadLabel(proxy);
    if (node.token === undefined || node.token === "") {
      return { ok: false, error: "a dataplane token is needed; none came with the stream" };
    }
    const claims = await tokens.dataplane(node.token, node.mesh);
    if (!claims.ok) return { ok: false, error: claims.error.message };
    return checkDataplaneToken(claims.value, proxy);
  }
}
