import type { DataplaneResource, DataplaneSpec, NewResource } from "@skein/model";
import {
  isTakenOut,
  putBack,
  withFoundStates,
  withInbounds,
  withListeners,
} from "../defaults/inbound-states.ts";
import { type Store, StoreError } from "../store/store.ts";
import { type NodeInfo, StreamRefused } from "../xds/fleet.ts";
import type { ConnectedProxy, StartingDataplane } from "./proxies.ts";

/* A Dataplane lives with its proxy: not ready when that arrives, ready when it is served, removed when it is gone. */

/** Whom a stream or a Dataplane is about. */
export type ProxyKey = Pick<DataplaneResource, "mesh" | "name">;

/** Where Dataplanes are, and what is done about them. */
export interface DataplaneLifecycle {
  readonly store: Store;
  /** Inbounds with a probe wait for its result. */
  readonly probes: boolean;
  readonly log: { warn(details: object, message: string): void };
}

/**
 * Stores the Dataplane that a proxy brings along. A new instance is stored as not ready: callers must not be sent to it
 * before its listeners are up. Answers with what to store then.
 * @throws StreamRefused
 */
export async function storeArrived(
  { store, probes }: Pick<DataplaneLifecycle, "store" | "probes">,
  node: NodeInfo,
  given: NewResource<DataplaneSpec> | undefined,
): Promise<StartingDataplane | undefined> {
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

/** Whether the inbounds and listeners of a Dataplane take traffic or not, just as those of another. */
function sameStates(one: DataplaneSpec, other: DataplaneSpec): boolean {
  const states = ({ networking }: DataplaneSpec): string =>
    JSON.stringify(
      [...(networking?.inbound ?? []), ...(networking?.listeners ?? [])].map(({ state }) => state ?? "Ready"),
    );
  return states(one) === states(other);
}

/** A Dataplane to whose inbounds and listeners nobody is sent. */
function notReady(spec: DataplaneSpec): DataplaneSpec {
  const next = withInbounds(spec, (each) =>
    each.state === "Ignored" ? each : { ...each, state: "NotReady" as const },
  );
  return withListeners(next, (listener) => ({ ...listener, state: "NotReady" }));
}

/** The listeners of a new instance are up: from now on callers may be sent to it. */
export async function makeReady(
  { store, log }: Pick<DataplaneLifecycle, "store" | "log">,
  proxy: ConnectedProxy,
): Promise<void> {
  const { starting } = proxy;
  if (starting === undefined || starting.isWritten) return;
  // Until it is written the proxy counts as starting, so that no finding about it comes in between.
  const writing = { ...starting, isWritten: true };
  proxy.starting = writing;
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

/** A proxy that brought its Dataplane along is gone: callers must not be sent to it for ever. */
export async function removeGone(
  { store, log }: Pick<DataplaneLifecycle, "store" | "log">,
  { mesh, name }: ProxyKey,
): Promise<void> {
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
