import type { Fragment } from "./fragment.ts";
import { addressOf, handsOver } from "./fragment-field.ts";
import { type Changes, isSettled, type Subscription } from "./subscription.ts";

/** The other subscriptions of a stream that decide whether something may be taken away. */
export interface Surroundings {
  readonly clusters: Subscription | undefined;
  readonly listeners: Subscription | undefined;
  readonly routes: Subscription | undefined;
  /** Whether the proxy should hold routes. */
  readonly usesRoutes: boolean;
  /** See `hasLingeringRoutes`. */
  readonly hasLingeringRoutes: boolean;
}

/**
 * Whether the proxy still has, and asks for, routes that it should no longer hold. Who asks are listeners that were
 * replaced and drain: requests on connections that were opened to them follow those routes until their time is over. A
 * route that keeps its name is no matter, since a draining listener has its newest version too.
 */
export function hasLingeringRoutes(
  routes: Subscription | undefined,
  desired: ReadonlyMap<string, Fragment>,
): boolean {
  for (const name of routes?.held.keys() ?? []) if (!desired.has(name)) return true;
  return false;
}

/**
 * Whether clusters, endpoints or secrets that the proxy should no longer hold may be taken away now. Not while a
 * listener or route that uses them may still be active: one whose replacement is not acknowledged yet, or was rejected, or
 * that drains.
 */
export function mayRemove(subscription: Subscription, around: Surroundings): boolean {
  const { clusters, listeners, routes } = around;
  const early = subscription.type === "cluster" && subscription.reconnected;
  if (listeners === undefined) return !early;
  if (!isClean(listeners)) return false;
  if (around.hasLingeringRoutes) return false;
  if (routes === undefined ? early && around.usesRoutes : !isClean(routes)) return false;
  return subscription.type === "cluster" || clusters === undefined || isClean(clusters);
}

function isClean(subscription: Subscription): boolean {
  return isSettled(subscription) && subscription.suppressed === 0;
}

/**
 * Whether a listener may be taken away now: after those that are new or changed, except that a listener must go in the
 * same response as a new one on its address, because Envoy refuses two listeners on one address and applies removals
 * first. A listener whose successor on the address was rejected stays.
 */
export function mayRemoveListener(listeners: Subscription, changes: Changes, name: string): boolean {
  const fragment = listeners.held.get(name)?.fragment;
  const address = fragment === undefined ? undefined : addressOf(fragment);
  if (address !== undefined && changes.suppressed.some((successor) => addressOf(successor) === address))
    return false;
  if (changes.upserts.length === 0) return true;
  if (fragment === undefined) return true;
  return changes.upserts.some((successor) => addressOf(successor) === address);
}

/**
 * The order in which Envoy is told of listeners, where some take the place of others under another name: those that hand
 * connections over to listeners at addresses nobody binds go first and come last. Meanwhile connections wait in their
 * sockets, which the successors take over. Otherwise one that arrives while nobody is at its address would be treated
 * as one that goes somewhere else.
 */
export function inListenerOrder(listeners: Subscription, changes: Changes): Changes {
  const { upserts, removals } = changes;
  if (upserts.length < 2 || removals.length === 0) return changes;
  return {
    ...changes,
    upserts: [...upserts.filter((each) => !handsOver(each)), ...upserts.filter(handsOver)],
    removals: [
      ...removals.filter((name) => isHandingOver(listeners, name)),
      ...removals.filter((name) => !isHandingOver(listeners, name)),
    ],
  };
}

/** Listeners of which some replace others under another name are told so many at a time, if nothing else helps. */
const MOST_REPLACED = 4;

/**
 * How many listeners one response may tell. Envoy first removes all that go and then makes one after the other of those
 * that come: between the two nobody is at their addresses, for the longer the more of them there are. That is no matter
 * where nothing is handed over meanwhile (see `inListenerOrder`), which takes one response for all.
 */
export function mostListeners(listeners: Subscription, { upserts, removals }: Changes): number {
  if (removals.length === 0 || upserts.length <= MOST_REPLACED) return listeners.limit;
  const coming = new Set(upserts.map(addressOf));
  const replaced = removals.filter((name) => {
    const fragment = listeners.held.get(name)?.fragment;
    return fragment !== undefined && coming.has(addressOf(fragment));
  });
  if (replaced.length === 0 || replaced.some((name) => isHandingOver(listeners, name)))
    return listeners.limit;
  return Math.min(listeners.limit, MOST_REPLACED);
}

function isHandingOver(listeners: Subscription, name: string): boolean {
  const fragment = listeners.held.get(name)?.fragment;
  return fragment !== undefined && handsOver(fragment);
}
