import type { ProtocolEvents, XdsStream } from "./outgoing.ts";
import type { ProxyMemory } from "./proxy-memory.ts";
import type { DeltaRequest } from "./request.ts";
import { createStreamCore } from "./stream-core.ts";
import {
  mayBeWildcard,
  type Subscription,
  subscribe,
  unsubscribe,
  unsubscribeWildcard,
} from "./subscription.ts";

/** Options of `createDeltaStream`. */
export interface DeltaStreamOptions {
  readonly events: ProtocolEvents;
  /** Kept by the caller across the streams of one proxy. */
  readonly memory: ProxyMemory;
}

/**
 * One incremental ADS stream (`DeltaAggregatedResources`). What the proxy says it holds when it (re)connects is
 * believed, so a proxy that is up to date is sent nothing. The order of responses is described at `createStreamCore`.
 */
export function createDeltaStream(options: DeltaStreamOptions): XdsStream<DeltaRequest> {
  const core = createStreamCore({ ...options, delta: true });

  function open(subscription: Subscription, request: DeltaRequest): void {
    const { held, names, resend } = subscription;
    subscription.wildcard =
      request.subscribe.length === 0 ? mayBeWildcard(subscription) : request.subscribe.includes("*");
    for (const name of request.subscribe) if (name !== "*") subscribe(subscription, name, true);
    for (const [name, version] of request.initialVersions) {
      if (!subscription.wildcard && !names.has(name)) continue;
      held.set(name, { version, fragment: undefined, recorded: true });
      if (subscription.type === "endpoint" && options.memory.owedEndpoints.has(name)) resend.add(name);
    }
    subscription.greet = subscription.wildcard && held.size === 0;
    if (subscription.type !== undefined && subscription.wildcard) {
      for (const fragment of options.memory.allUnrecorded(subscription.type)) {
        held.set(fragment.name, { version: fragment.version, fragment, recorded: false });
      }
    }
    subscription.reconnected = held.size > 0;
  }

  function change(subscription: Subscription, request: DeltaRequest): void {
    for (const name of request.unsubscribe) {
      if (name === "*") unsubscribeWildcard(subscription);
      else unsubscribe(subscription, name);
      if (subscription.type === "endpoint") options.memory.owedEndpoints.delete(name);
    }
    for (const name of request.subscribe) {
      if (name !== "*") subscribe(subscription, name, false);
      else if (!subscription.wildcard) {
        subscription.wildcard = true;
        subscription.compared = undefined;
        subscription.greet = true;
        subscription.dirty = true;
      }
    }
  }

  return {
    request(request) {
      const { subscription, first } = core.subscription(request.typeUrl);
      if (first) open(subscription, request);
      else change(subscription, request);
      if (request.nonce !== "") core.answer(subscription, request.nonce, request.error);
    },
    set: core.set,
    next() {
      const offered = core.next();
      if (offered === undefined) return undefined;
      const { subscription, inFlight } = offered;
      return { type: subscription.type, typeUrl: subscription.typeUrl, versionInfo: "", ...inFlight };
    },
  };
}
