import type { Fragment, XdsType } from "./fragment.ts";
import { differingNames, type Fragments } from "./fragments.ts";
import { NameSet } from "./name-set.ts";
import type { ProxyMemory } from "./proxy-memory.ts";

/** A resource that the proxy holds. */
export interface Held {
  readonly version: string;
  /** Unknown for what a reconnecting proxy brought along. */
  readonly fragment: Fragment | undefined;
  /**
   * False for a resource that Envoy applied out of a response it rejected as a whole: Envoy uses it, but does not
   * report its version when it reconnects, until it has been sent once more in a response that is accepted.
   */
  readonly recorded: boolean;
}

/** A response that the proxy has not answered yet. */
export interface InFlight {
  readonly nonce: string;
  readonly revision: number;
  readonly resources: readonly Fragment[];
  readonly removed: readonly string[];
}

/** One resource type on one stream: what the proxy asked for, holds and is being told. */
export interface Subscription {
  readonly typeUrl: string;
  /** Undefined for a type this server has no resources of. */
  readonly type: XdsType | undefined;
  wildcard: boolean;
  /** Whether the proxy came with resources from an earlier stream. */
  reconnected: boolean;
  readonly names: NameSet;
  readonly held: Map<string, Held>;
  /** Names the proxy has been told do not exist. */
  readonly absent: NameSet;
  /** Names to send though their version has not changed. */
  readonly resend: NameSet;
  /** Whether the proxy waits for a first response, even an empty one. */
  greet: boolean;
  /** Whether `held` may differ from what the proxy should hold. */
  dirty: boolean;
  /** How many resources the next response may carry: finite while a rejected one is being isolated. */
  limit: number;
  /** How many resources are kept back because the proxy rejected them. */
  suppressed: number;
  /** What the proxy should hold as of the last comparison; undefined where the next one has to look at everything. */
  compared: Fragments | undefined;
  /** Names that may differ from `compared`: of all others the proxy holds just that. */
  readonly unsettled: NameSet;
  inFlight: InFlight | undefined;
}

/** What would bring the proxy from what it holds to what it should hold. */
export interface Changes {
  readonly upserts: readonly Fragment[];
  readonly removals: readonly string[];
  /** Explicitly asked-for names that do not exist and have not been answered yet. */
  readonly absences: readonly string[];
  /** Fragments kept back because the proxy rejected them. */
  readonly suppressed: readonly Fragment[];
}

/** A subscription before its first request. */
export function createSubscription(typeUrl: string, type: XdsType | undefined): Subscription {
  return {
    typeUrl,
    type,
    wildcard: false,
    reconnected: false,
    names: new NameSet(),
    held: new Map(),
    absent: new NameSet(),
    resend: new NameSet(),
    greet: false,
    dirty: true,
    limit: Number.POSITIVE_INFINITY,
    suppressed: 0,
    compared: undefined,
    unsettled: new NameSet(),
    inFlight: undefined,
  };
}

/** Whether the proxy asked for this resource. */
export function wants(subscription: Subscription, name: string): boolean {
  return subscription.wildcard || subscription.names.has(name);
}

/** Whether an empty first request asks for everything: endpoints, secrets and the like are only asked for by name. */
export function mayBeWildcard({ type }: Subscription): boolean {
  return type === undefined || type === "cluster" || type === "listener";
}

/** Whether nothing is on its way to the proxy or waiting to be. */
export function isSettled(subscription: Subscription): boolean {
  return subscription.inFlight === undefined && !subscription.dirty && !subscription.greet;
}

/** Adds an explicitly asked-for name. Asking again for a known name asks for it to be sent again. */
export function subscribe(subscription: Subscription, name: string, first: boolean): void {
  const { inFlight, names, held, absent, resend } = subscription;
  const known = names.has(name);
  subscription.unsettled.add(name);
  names.add(name);
  absent.delete(name);
  const underWay =
    inFlight?.removed.includes(name) === true ||
    inFlight?.resources.some((sent) => sent.name === name) === true;
  if (known || underWay || (!first && held.has(name))) resend.add(name);
  subscription.dirty = true;
}

/** Drops an explicitly asked-for name. */
export function unsubscribe(subscription: Subscription, name: string): void {
  const { names, held, absent, resend } = subscription;
  subscription.unsettled.add(name);
  names.delete(name);
  absent.delete(name);
  resend.delete(name);
  if (subscription.wildcard) resend.add(name);
  else held.delete(name);
  subscription.dirty = true;
}

/** Ends a wildcard subscription: only explicitly asked-for names stay. */
export function unsubscribeWildcard(subscription: Subscription): void {
  subscription.wildcard = false;
  subscription.compared = undefined;
  for (const name of subscription.held.keys())
    if (!subscription.names.has(name)) subscription.held.delete(name);
  subscription.dirty = true;
}

/** A resource that was acknowledged: the same object for all proxies that hold it. */
export function heldFragment(fragment: Fragment): Held {
  const { notes, version } = fragment;
  notes.held ??= { version, fragment, recorded: true };
  return notes.held;
}

/**
 * Compares what the proxy holds with what it should hold. It looks at what may have changed since it last did: a change of
 * one resource does not cost a look at the thousands that many proxies have in common.
 */
export function changesOf(subscription: Subscription, desired: Fragments, memory: ProxyMemory): Changes {
  const { held, absent, resend, names, wildcard, unsettled, compared } = subscription;
  const upserts: Fragment[] = [];
  const removals: string[] = [];
  const absences: string[] = [];
  const suppressed: Fragment[] = [];

  const compare = (fragment: Fragment): void => {
    const { type, name, version } = fragment;
    const holds = held.get(name);
    if (holds?.version === version && holds.recorded && !resend.has(name)) {
      // Who reconnects says versions only; what they stand for counts when something else takes its place.
      if (holds.fragment === undefined) held.set(name, heldFragment(fragment));
      return;
    }
    if (!memory.isQuarantined(type, name, version)) {
      upserts.push(fragment);
      return;
    }
    suppressed.push(fragment);
    repeat(name);
  };

  /** Sends again what the proxy has, where it waits for something and there is nothing newer for it. */
  const repeat = (name: string): void => {
    if (wildcard || !resend.has(name)) return;
    const fragment = held.get(name)?.fragment;
    if (fragment === undefined) absences.push(name);
    else upserts.push(fragment);
  };

  const look = (name: string): void => {
    const fragment = desired.get(name);
    const holds = held.has(name);
    if (fragment !== undefined) {
      if (wildcard || names.has(name)) compare(fragment);
      return;
    }
    if (names.has(name)) {
      if (holds) repeat(name);
      else if (!absent.has(name)) absences.push(name);
    }
    if (holds) removals.push(name);
  };

  const candidates = new Set(unsettled);
  for (const name of resend) candidates.add(name);
  if (compared !== undefined) for (const name of differingNames(compared, desired)) candidates.add(name);
  else {
    if (wildcard) for (const name of desired.keys()) candidates.add(name);
    for (const name of names) candidates.add(name);
    for (const name of held.keys()) candidates.add(name);
  }
  for (const name of candidates) look(name);

  subscription.compared = desired;
  unsettled.clear();
  for (const { name } of upserts) unsettled.add(name);
  for (const { name } of suppressed) unsettled.add(name);
  for (const name of removals) unsettled.add(name);
  for (const name of absences) unsettled.add(name);
  return { upserts, removals, absences, suppressed };
}
