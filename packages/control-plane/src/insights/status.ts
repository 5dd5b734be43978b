import { child, isRecord, records, text } from "./fields.ts";

/** How a proxy is, as the API spells it. */
export type DataplaneStatus = "Online" | "Offline" | "Partially degraded";

/** The status of a proxy, and what keeps it from being online. */
export interface DataplaneCondition {
  readonly status: DataplaneStatus;
  readonly reasons: readonly string[];
}

/**
 * Whether any subscription of an insight is open: connected, and not disconnected since. Works for the insights of
 * dataplanes, zones and zone proxies alike.
 */
export function isOnline(insightSpec: unknown): boolean {
  const subscriptions = isRecord(insightSpec) ? records(insightSpec.subscriptions) : [];
  return subscriptions.some(
    (each) => text(each, "connectTime") !== "" && text(each, "disconnectTime") === "",
  );
}

/**
 * Status of a Dataplane. A gateway is what its connection is. Any other proxy is Offline when it is not connected or
 * none of its inbounds and listeners is ready, so one without either is always Offline; ignored inbounds count as
 * ready.
 */
export function dataplaneStatus(dataplaneSpec: unknown, insightSpec: unknown): DataplaneCondition {
  const online = isOnline(insightSpec);
  const networking = child(dataplaneSpec, "networking");
  if (isRecord(networking.gateway)) return { status: online ? "Online" : "Offline", reasons: [] };
  const inbounds = records(networking.inbound);
  const listeners = records(networking.listeners);
  const reasons = [
    ...inbounds
      .filter((inbound) => !isReady(inbound))
      .map((inbound) => `inbound[port=${inbound.port},svc=${serviceOf(inbound)}] is not ready`),
    ...listeners
      .filter((listener) => !isReady(listener))
      .map((listener) => `listener[port=${listener.port},type=${listener.type}] is not ready`),
  ];
  const total = inbounds.length + listeners.length;
  const ready = total - reasons.length;
  if (!online || ready === 0) return { status: "Offline", reasons };
  return { status: ready < total ? "Partially degraded" : "Online", reasons };
}

/** Value of the tag `kuma.io/service` of an inbound or a gateway. */
export function serviceOf(part: unknown): string {
  return text(child(part, "tags"), "kuma.io/service");
}

function isReady(part: Readonly<Record<string, unknown>>): boolean {
  return part.state !== "NotReady" && child(part, "health").ready !== false;
}
