import type { DataplaneInbound, DataplaneListener, DataplaneSpec } from "@skein/model";

/*
 * `state: NotReady` together with `health.ready: false` is the control plane's own mark: it took the inbound out, because
 * a probe failed or the proxy drains, and puts it back. Either of them alone is what somebody wrote, and `Ignored` is
 * too; that is left as it is.
 */

/** Whether the control plane took an inbound out of the endpoints of its callers. */
export function isTakenOut({ state, health }: DataplaneInbound): boolean {
  return state === "NotReady" && health?.ready === false;
}

/** Whether somebody other than the control plane keeps an inbound out. */
export function isHeldOut(inbound: DataplaneInbound): boolean {
  if (isTakenOut(inbound)) return false;
  return (inbound.state ?? "Ready") !== "Ready" || inbound.health?.ready === false;
}

/** An inbound to which nobody is sent, until the control plane puts it back. */
export function takenOut(inbound: DataplaneInbound): DataplaneInbound {
  return { ...inbound, state: "NotReady", health: { ready: false } };
}

/** An inbound that the control plane had taken out, as it was before. */
export function putBack(inbound: DataplaneInbound): DataplaneInbound {
  const { state: _state, health: _health, ...rest } = inbound;
  return rest;
}

/** A Dataplane all of whose inbounds and listeners are taken out; those that are out for other reasons stay as they are. */
export function allTakenOut(spec: DataplaneSpec): DataplaneSpec {
  const next = withInbounds(spec, (inbound) => (isReadyNow(inbound) ? takenOut(inbound) : inbound));
  return withListeners(next, (listener) => ({ ...listener, state: "NotReady" }));
}

/**
 * A Dataplane as it is stored in the place of another. An inbound with a probe begins as taken out; from then on its state
 * is what was found out about it, which who writes the Dataplane anew cannot know and so does not change.
 *
 * @param keepDrained what drains stays out too, not only what a probe found out
 * @param probes probes are made; where they are not, an inbound with one is like any other
 */
export function withFoundStates<R extends { readonly spec: DataplaneSpec }>(
  next: R,
  stored: { readonly spec: DataplaneSpec } | undefined,
  { keepDrained, probes }: { readonly keepDrained: boolean; readonly probes: boolean },
): R {
  const known = Map.groupBy(stored?.spec.networking?.inbound ?? [], placeOf);
  const spec = withInbounds(next.spec, (inbound) => {
    const before = known.get(placeOf(inbound))?.shift();
    if (isHeldOut(inbound)) return inbound;
    const hasProbe = probes && inbound.serviceProbe !== undefined;
    if (hasProbe ? isStillOut(before) : keepDrained && before !== undefined && isTakenOut(before)) {
      return takenOut(inbound);
    }
    return hasProbe ? putBack(inbound) : inbound;
  });
  const listenersBefore = stored?.spec.networking?.listeners ?? [];
  const whole = !keepDrained
    ? spec
    : withListeners(spec, (listener) => {
        const before = listenersBefore.find((each) => placeOf(each) === placeOf(listener));
        // Nothing tells the drain's NotReady from somebody's, so who wants a listener back says so.
        const isLeftOpen = listener.state === undefined && before?.state === "NotReady";
        return isLeftOpen ? { ...listener, state: "NotReady" } : listener;
      });
  return whole === next.spec ? next : { ...next, spec: whole };
}

/** Changes listeners for others of the zone; the very same Dataplane where there are none. */
export function withListeners(
  spec: DataplaneSpec,
  change: (listener: DataplaneListener) => DataplaneListener,
): DataplaneSpec {
  const before = spec.networking?.listeners;
  if (before === undefined || before.length === 0) return spec;
  return { ...spec, networking: { ...spec.networking, listeners: before.map(change) } };
}

/** Changes inbounds; the very same Dataplane where none changes. */
export function withInbounds(
  spec: DataplaneSpec,
  change: (inbound: DataplaneInbound, index: number) => DataplaneInbound,
): DataplaneSpec {
  const before = spec.networking?.inbound;
  if (before === undefined) return spec;
  const inbound = before.map(change);
  if (inbound.every((each, index) => each === before[index])) return spec;
  return { ...spec, networking: { ...spec.networking, inbound } };
}

/** A probed inbound that is new, or was out so far for whatever reason, has to be found well first. */
function isStillOut(before: DataplaneInbound | undefined): boolean {
  return before === undefined || !isReadyNow(before);
}

function isReadyNow(inbound: DataplaneInbound): boolean {
  return !isTakenOut(inbound) && !isHeldOut(inbound);
}

/** What makes an inbound the same one in two versions of a Dataplane. Several may share a port. */
function placeOf({ address, port, name }: Pick<DataplaneInbound, "address" | "port" | "name">): string {
  return `${address ?? ""} ${port} ${name ?? ""}`;
}
