import type { Fragment } from "./fragment.ts";
import type { ProxyMemory } from "./proxy-memory.ts";
import { readRejection } from "./rejection.ts";
import { type Held, heldFragment, type InFlight, type Subscription, wants } from "./subscription.ts";
import { typeUrlOf } from "./type-url.ts";

/**
 * Stands for a resource that Envoy dropped in a response that it rejected: it will claim to have it when it reconnects,
 * until it has been told once more.
 */
const GONE: Held = { version: "", fragment: undefined, recorded: false };
const ENDPOINT = typeUrlOf("endpoint");

/** Takes in an ACK: the proxy holds what the response said. */
export function acknowledged(memory: ProxyMemory, subscription: Subscription, inFlight: InFlight): void {
  for (const fragment of inFlight.resources) accept(memory, subscription, fragment, true);
  acceptRemovals(memory, subscription, inFlight.removed);
  subscription.limit *= 2;
}

/**
 * Takes in a NACK: what the proxy says of it decides what it holds of the response, and what it is not sent again.
 *
 * @param delta versions are reported per resource
 * @returns what is to blame, as far as it is known
 */
export function rejected(
  memory: ProxyMemory,
  delta: boolean,
  subscription: Subscription,
  inFlight: InFlight,
  message: string,
): readonly Fragment[] {
  const { resources, removed } = inFlight;
  const rejection = readRejection(
    message,
    resources.map(({ name }) => name),
  );
  const only = resources.length === 1 ? resources : [];
  const named = new Set(rejection.names);
  const guilty = named.size > 0 ? resources.filter(({ name }) => named.has(name)) : only;
  for (const fragment of guilty) memory.quarantine(fragment, subscription.held.get(fragment.name)?.fragment);
  if (rejection.othersApplied || resources.length === 0) {
    acceptRemovals(memory, subscription, removed);
    if (resources.length > 0) for (const name of removed) subscription.held.set(name, GONE);
    for (const fragment of resources)
      if (!named.has(fragment.name)) accept(memory, subscription, fragment, !delta);
  } else {
    for (const { name, version } of resources) {
      if (subscription.held.get(name)?.version === version) subscription.resend.add(name);
    }
    if (guilty.length === 0) subscription.limit = Math.ceil(resources.length / 2);
  }
  subscription.dirty = true;
  return guilty;
}

function acceptRemovals(memory: ProxyMemory, subscription: Subscription, removed: readonly string[]): void {
  for (const name of removed) {
    subscription.held.delete(name);
    if (subscription.type !== undefined) memory.recorded(subscription.type, name);
    settle(memory, subscription, name);
    if (subscription.names.has(name) && !subscription.resend.has(name)) subscription.absent.add(name);
  }
}

function accept(
  memory: ProxyMemory,
  subscription: Subscription,
  fragment: Fragment,
  recorded: boolean,
): void {
  const { name, version } = fragment;
  settle(memory, subscription, name);
  if (recorded) memory.recorded(fragment.type, name);
  else memory.unrecorded(fragment);
  if (!wants(subscription, name)) return;
  subscription.held.set(name, recorded ? heldFragment(fragment) : { version, fragment, recorded });
  subscription.absent.delete(name);
}

/** Endpoints are no longer owed once they were acknowledged, unless a cluster was sent since they were. */
function settle(memory: ProxyMemory, subscription: Subscription, name: string): void {
  if (subscription.typeUrl === ENDPOINT && !subscription.resend.has(name)) memory.owedEndpoints.delete(name);
}
