import { addressOf } from "./fragment-field.ts";
import { type Changes, isSettled, type Subscription } from "./subscription.ts";

/**
 * Whether clusters, endpoints or secrets that the proxy should no longer hold may be taken away now. Not while a
 * listener that uses them may still be active: one whose replacement is not acknowledged yet, or was rejected.
 */
export function mayRemove(
  subscription: Subscription,
  clusters: Subscription | undefined,
  listeners: Subscription | undefined,
): boolean {
  if (listeners === undefined) return subscription.type !== "cluster" || !subscription.reconnected;
  if (!isSettled(listeners) || listeners.suppressed > 0) return false;
  if (subscription.type === "cluster" || clusters === undefined) return true;
  return isSettled(clusters) && clusters.suppressed === 0;
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
