import { acknowledged, rejected } from "./answers.ts";
import { desiredOf } from "./desired.ts";
import { emptyAssignment } from "./empty-resources.ts";
import { StreamRefused } from "./fleet.ts";
import type { Fragment, ProxyConfig } from "./fragment.ts";
import { edsNameOf } from "./fragment-field.ts";
import { sameFragments } from "./fragments.ts";
import { hasLingeringRoutes, inListenerOrder, mayRemove, mayRemoveListener, mostListeners } from "./order.ts";
import type { ProtocolEvents } from "./outgoing.ts";
import type { ProxyMemory } from "./proxy-memory.ts";
import {
  type Changes,
  changesOf,
  createSubscription,
  type InFlight,
  isSettled,
  type Subscription,
  wants,
} from "./subscription.ts";
import { typeOfUrl, typeUrlOf } from "./type-url.ts";

/** What one delta and one state-of-the-world stream have in common. */
export interface StreamCore {
  readonly memory: ProxyMemory;
  /** The subscription of a type, made when the proxy first asks for it. */
  subscription(typeUrl: string): { readonly subscription: Subscription; readonly first: boolean };
  /** What the proxy should hold of a subscription's type. */
  desired(subscription: Subscription): ReadonlyMap<string, Fragment>;
  /** Takes in an ACK, or a NACK where there is an error. Answers to anything but the last response are stale. */
  answer(subscription: Subscription, nonce: string, error: { readonly message: string } | undefined): void;
  set(config: ProxyConfig, revision: number): void;
  next(): { readonly subscription: Subscription; readonly inFlight: InFlight } | undefined;
}

/** Options of `createStreamCore`. */
export interface StreamCoreOptions {
  readonly events: ProtocolEvents;
  readonly memory: ProxyMemory;
  /** Whether removals and absences of single resources can be told, and versions are reported per resource. */
  readonly delta: boolean;
  /** Resource types and names that one stream may ask for. */
  readonly maxTypes?: number;
  /** Called before the first comparison of a subscription. */
  readonly prepare?: (subscription: Subscription) => void;
}

const cluster = typeUrlOf("cluster");
const endpoint = typeUrlOf("endpoint");
const secret = typeUrlOf("secret");
const listener = typeUrlOf("listener");
const route = typeUrlOf("route");

/**
 * The order of things on one stream, make-before-break:
 *
 * 1. clusters that are new or changed,
 * 2. their endpoints and secrets,
 * 3. listeners and routes that are new or changed, once every cluster that is new to the proxy is acknowledged with its
 *    endpoints; a change of clusters that the proxy already has delays neither; listeners that replace others under
 *    another name all at once where that can be done without a gap, else a few at a time,
 * 4. listeners that go,
 * 5. clusters that go, once listeners and routes are acknowledged and no listener that was replaced drains with routes of
 *    its own, and last what is left of their endpoints and secrets.
 *
 * At most one response of a type is unanswered, so states that follow each other quickly coalesce.
 *
 * What Envoy 1.40 does, as seen: after its start it does not answer a CDS response until every cluster in it has warmed
 * up. An EDS cluster that is *updated* warms up only when its endpoints are sent again, though it does not ask for them
 * in delta; without them it waits for the initial fetch timeout of the EDS config source (15 s by default, for ever with
 * 0 s), and every later cluster change with it. So the endpoints of each updated EDS cluster are sent again, directly
 * behind the clusters, without waiting for an ACK. Secrets need not be. A name that is answered as removed ends the
 * waiting too, for endpoints and for secrets.
 */
export function createStreamCore(options: StreamCoreOptions): StreamCore {
  const { events, memory, delta } = options;
  const maxTypes = options.maxTypes ?? 32;
  const subscriptions = new Map<string, Subscription>();
  const prepared = new Set<Subscription>();
  /** Those that only keep what must not go while a rejected or draining listener, or a rejected cluster, may still use it. */
  const keeping = new Set<Subscription>();
  /** Endpoints that listeners and routes wait for: EDS name → cluster. */
  const awaited = new Map<string, string>();
  let config: ProxyConfig | undefined;
  let revision = 0;
  let syncedRevision = -1;
  let nonces = 0;

  function desired(subscription: Subscription): ReadonlyMap<string, Fragment> {
    return desiredOf(config, subscription);
  }

  function mustWait(): boolean {
    const clusters = subscriptions.get(cluster);
    if (clusters === undefined || config === undefined) return false;
    const leaving = clusters.inFlight?.removed ?? [];
    for (const { name, version } of config.clusters.values()) {
      const missing = (clusters.held.get(name)?.version ?? "") === "" || leaving.includes(name);
      if (missing && wants(clusters, name) && !memory.isQuarantined("cluster", name, version)) return true;
    }
    const endpoints = subscriptions.get(endpoint);
    for (const [name, of] of awaited) {
      const fragment = config.endpoints.get(name);
      const pointless = fragment === undefined || memory.isQuarantined("endpoint", name, fragment.version);
      if (pointless || endpoints?.held.has(name) === true || !clusters.held.has(of)) awaited.delete(name);
    }
    return awaited.size > 0;
  }

  function offer(subscription: Subscription | undefined): ReturnType<StreamCore["next"]> {
    if (subscription === undefined || subscription.inFlight !== undefined) return undefined;
    if (!subscription.dirty && !subscription.greet) return undefined;
    if (!prepared.has(subscription)) {
      prepared.add(subscription);
      options.prepare?.(subscription);
    }
    const leadsToClusters = subscription.typeUrl === listener || subscription.typeUrl === route;
    if (leadsToClusters && mustWait()) return undefined;
    const found = comparison(subscription);
    const isListener = subscription.typeUrl === listener;
    const changes = isListener ? inListenerOrder(subscription, found) : found;
    subscription.suppressed = changes.suppressed.length;
    const most = isListener ? mostListeners(subscription, changes) : subscription.limit;
    const upserts = changes.upserts.slice(0, most);
    const allowed = removalsOf(subscription, { ...changes, upserts });
    const complete = upserts.length === changes.upserts.length && allowed.length === changes.removals.length;
    const removed = [...allowed, ...changes.absences];
    subscription.dirty = !complete;
    const onlyRemovals = !complete && upserts.length === changes.upserts.length;
    if (onlyRemovals && (!memory.empty || lingers())) keeping.add(subscription);
    else keeping.delete(subscription);
    if (upserts.length === 0 && removed.length === 0 && !subscription.greet) {
      if (complete) subscription.limit = Number.POSITIVE_INFINITY;
      return undefined;
    }
    return send(subscription, upserts, removed);
  }

  /** What to tell the proxy; in state-of-the-world nothing can be said of a named resource that does not exist. */
  function comparison(subscription: Subscription): Changes {
    const changes = changesOf(subscription, desired(subscription), memory);
    if (delta || subscription.wildcard) return delta ? changes : { ...changes, absences: [] };
    const empty = subscription.typeUrl === endpoint ? changes.absences.map(emptyAssignment) : [];
    return { ...changes, upserts: [...changes.upserts, ...empty], removals: [], absences: [] };
  }

  function removalsOf(subscription: Subscription, changes: Changes): readonly string[] {
    // Envoy does not let go of a route that a listener has, whatever it is told, and asks no more when none has it.
    if (changes.removals.length === 0 || subscription.typeUrl === route) return [];
    if (subscription.typeUrl === listener) {
      return changes.removals.filter((name) => mayRemoveListener(subscription, changes, name));
    }
    const allowed = mayRemove(subscription, {
      clusters: subscriptions.get(cluster),
      listeners: subscriptions.get(listener),
      routes: subscriptions.get(route),
      usesRoutes: (config?.routes.size ?? 0) > 0,
      hasLingeringRoutes: lingers(),
    });
    return allowed ? changes.removals : [];
  }

  function lingers(): boolean {
    return config !== undefined && hasLingeringRoutes(subscriptions.get(route), config.routes);
  }

  function send(
    subscription: Subscription,
    resources: readonly Fragment[],
    removed: readonly string[],
  ): ReturnType<StreamCore["next"]> {
    nonces += 1;
    const inFlight = { nonce: String(nonces), revision, resources, removed };
    subscription.inFlight = inFlight;
    subscription.greet = false;
    for (const { name } of resources) subscription.resend.delete(name);
    for (const name of removed) subscription.resend.delete(name);
    if (subscription.typeUrl === cluster) owe(subscription, resources);
    if (subscription.type !== undefined) events.sent(subscription.type, resources.length, revision);
    return { subscription, inFlight };
  }

  function owe(clusters: Subscription, sent: readonly Fragment[]): void {
    const endpoints = subscriptions.get(endpoint);
    for (const fragment of sent) {
      const name = edsNameOf(fragment);
      if (name === undefined) continue;
      if (!clusters.held.has(fragment.name) && config?.endpoints.has(name) === true)
        awaited.set(name, fragment.name);
      if (endpoints?.names.has(name) !== true) continue;
      memory.owedEndpoints.add(name);
      endpoints.resend.add(name);
      endpoints.absent.delete(name);
      endpoints.dirty = true;
    }
  }

  /** In sync is who holds all that it should and has not rejected. */
  function reportSync(): void {
    if (config === undefined || revision === syncedRevision) return;
    if (!subscriptions.has(cluster) || !subscriptions.has(listener)) return;
    for (const subscription of subscriptions.values()) {
      const keeps = keeping.has(subscription) && subscription.inFlight === undefined;
      if (!isSettled(subscription) && !keeps) return;
    }
    // A proxy that has just learnt of a listener still has to ask for what the listener refers to. Whoever rejected
    // something may never ask.
    if (memory.empty && !(holdsAll(route, config.routes) && holdsAll(secret, config.secrets))) return;
    syncedRevision = revision;
    events.inSync(revision);
  }

  function holdsAll(typeUrl: string, wanted: ReadonlyMap<string, Fragment>): boolean {
    const held = subscriptions.get(typeUrl)?.held;
    for (const name of wanted.keys()) if (held?.has(name) !== true) return false;
    return true;
  }

  return {
    memory,
    desired,
    subscription(typeUrl) {
      const known = subscriptions.get(typeUrl);
      if (known !== undefined) return { subscription: known, first: false };
      if (subscriptions.size >= maxTypes) {
        throw new StreamRefused("invalid-argument", `at most ${maxTypes} resource types on one stream`);
      }
      const made = createSubscription(typeUrl, typeOfUrl(typeUrl));
      subscriptions.set(typeUrl, made);
      return { subscription: made, first: true };
    },
    answer(subscription, nonce, error) {
      const { inFlight, type } = subscription;
      if (inFlight === undefined || inFlight.nonce !== nonce) return;
      subscription.inFlight = undefined;
      if (error === undefined) {
        acknowledged(memory, subscription, inFlight);
        if (type !== undefined) events.answered({ type, revision: inFlight.revision });
        return;
      }
      const guilty = rejected(memory, delta, subscription, inFlight, error.message);
      if (type === undefined) return;
      const resources = guilty.map(({ name, version, origins }) => ({ name, version, origins }));
      events.answered({ type, revision: inFlight.revision, rejected: { message: error.message, resources } });
    },
    set(newConfig, newRevision) {
      const old = config;
      config = newConfig;
      revision = newRevision;
      mark(cluster, old === undefined || !sameFragments(old.clusters, newConfig.clusters));
      mark(endpoint, old === undefined || !sameFragments(old.endpoints, newConfig.endpoints));
      mark(secret, old === undefined || !sameFragments(old.secrets, newConfig.secrets));
      mark(listener, old === undefined || !sameFragments(old.listeners, newConfig.listeners));
      mark(route, old === undefined || !sameFragments(old.routes, newConfig.routes));
    },
    next() {
      if (config === undefined) return undefined;
      for (const typeUrl of [cluster, endpoint, secret, listener, route]) {
        const offered = offer(subscriptions.get(typeUrl));
        if (offered !== undefined) return offered;
      }
      for (const subscription of subscriptions.values()) {
        const offered = offer(subscription);
        if (offered !== undefined) return offered;
      }
      reportSync();
      return undefined;
    },
  };

  function mark(typeUrl: string, changed: boolean): void {
    const subscription = subscriptions.get(typeUrl);
    if (!changed || subscription === undefined) return;
    subscription.dirty = true;
    keeping.delete(subscription);
  }
}
