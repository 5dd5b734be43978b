import { hash } from "node:crypto";
import type { Fragment } from "./fragment.ts";
import type { ProtocolEvents, XdsStream } from "./outgoing.ts";
import type { ProxyMemory } from "./proxy-memory.ts";
import type { SotwRequest } from "./request.ts";
import { createStreamCore } from "./stream-core.ts";
import { type InFlight, mayBeWildcard, type Subscription, subscribe, unsubscribe } from "./subscription.ts";

/** Options of `createSotwStream`. */
export interface SotwStreamOptions {
  readonly events: ProtocolEvents;
  /** Kept by the caller across the streams of one proxy. */
  readonly memory: ProxyMemory;
}

/**
 * One state-of-the-world ADS stream (`StreamAggregatedResources`), as the launcher of Kuma 2.14 opens it. Order, NACKs
 * and coalescing are those of the delta stream. Clusters and listeners are sent as whole sets, in which a rejected
 * resource is represented by what Envoy last accepted, since leaving it out would remove it. Endpoints and secrets are
 * sent only where they change, which this protocol allows for types that are asked for by name; that a name does not
 * exist cannot be told.
 *
 * The version is a hash over names and versions, so a proxy that reconnects with the version it should have is sent
 * nothing.
 */
export function createSotwStream(options: SotwStreamOptions): XdsStream<SotwRequest> {
  const { memory } = options;
  const claimed = new Map<Subscription, string>();
  const uncertain = new Map<Subscription, Set<string>>();
  const core = createStreamCore({ ...options, delta: false, prepare });

  /** Believes a proxy that reconnects with exactly the version of what it should hold. */
  function prepare(subscription: Subscription): void {
    const version = claimed.get(subscription);
    if (version === undefined) return;
    const target = new Map<string, Fragment>();
    for (const [name, fragment] of core.desired(subscription)) {
      if (!subscription.wildcard && !subscription.names.has(name)) continue;
      const rejected = memory.isQuarantined(fragment.type, name, fragment.version);
      const good = rejected ? memory.lastGood(fragment.type, name) : fragment;
      if (good !== undefined) target.set(name, good);
    }
    const believed = versionOf(target.values()) === version;
    if (!believed && subscription.wildcard) uncertain.set(subscription, new Set());
    subscription.greet &&= !believed;
    for (const [name, fragment] of target) {
      const owed = subscription.type === "endpoint" && memory.owedEndpoints.has(name);
      const rejected = core.desired(subscription).get(name) !== fragment;
      if ((believed && !owed) || (rejected && subscription.wildcard)) {
        subscription.held.set(name, { version: fragment.version, fragment, recorded: true });
      }
    }
  }

  /** Everything the proxy holds once it accepts `inFlight`. */
  function resultOf(subscription: Subscription, inFlight: InFlight): ReadonlyMap<string, Fragment> {
    const result = new Map<string, Fragment>();
    for (const [name, { fragment }] of subscription.held)
      if (fragment !== undefined) result.set(name, fragment);
    for (const fragment of inFlight.resources) result.set(fragment.name, fragment);
    for (const name of inFlight.removed) result.delete(name);
    for (const name of uncertain.get(subscription) ?? []) {
      const fragment = core.desired(subscription).get(name);
      if (fragment !== undefined && !result.has(name)) result.set(name, fragment);
    }
    return result;
  }

  function updateNames(subscription: Subscription, request: SotwRequest, first: boolean): void {
    if (first) {
      subscription.wildcard =
        request.names.length === 0 ? mayBeWildcard(subscription) : request.names.includes("*");
      subscription.greet = subscription.wildcard;
      subscription.reconnected = request.versionInfo !== "";
      if (request.versionInfo !== "") claimed.set(subscription, request.versionInfo);
    }
    const names = new Set(request.names);
    names.delete("*");
    for (const name of subscription.names) {
      if (names.has(name)) continue;
      unsubscribe(subscription, name);
      if (subscription.type === "endpoint") memory.owedEndpoints.delete(name);
    }
    for (const name of names) if (!subscription.names.has(name)) subscribe(subscription, name, first);
  }

  return {
    request(request) {
      const { subscription, first } = core.subscription(request.typeUrl);
      const { inFlight } = subscription;
      updateNames(subscription, request, first);
      if (request.nonce === "") return;
      core.answer(subscription, request.nonce, request.error);
      if (inFlight?.nonce !== request.nonce) return;
      if (request.error === undefined) uncertain.delete(subscription);
      else {
        for (const { name } of inFlight.resources) {
          if (!subscription.held.has(name)) uncertain.get(subscription)?.add(name);
        }
      }
    },
    set: core.set,
    next() {
      const offered = core.next();
      if (offered === undefined) return undefined;
      const { subscription, inFlight } = offered;
      const result = resultOf(subscription, inFlight);
      return {
        type: subscription.type,
        typeUrl: subscription.typeUrl,
        nonce: inFlight.nonce,
        revision: inFlight.revision,
        resources: subscription.wildcard ? [...result.values()] : inFlight.resources,
        removed: [],
        versionInfo: versionOf(result.values()),
      };
    },
  };
}

/** The version of a set of resources, independent of their order. */
export function versionOf(fragments: Iterable<Fragment>): string {
  const lines = [...fragments].map(({ name, version }) => `${name}\0${version}`).sort();
  return hash("sha1", lines.join("\n"), "hex").slice(0, 16);
}
