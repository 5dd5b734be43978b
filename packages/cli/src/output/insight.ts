import { listAt, numberAt, textAt } from "../read.ts";
import { ageOf } from "./age.ts";

/** What the subscriptions of an insight say, whichever component it is about. */
export interface Connection {
  readonly isConnected: boolean;
  readonly lastConnectedAgo: string;
  readonly lastUpdatedAgo: string;
  readonly updates: string;
  readonly errors: string;
  /** The newest subscription, `undefined` when there never was one. */
  readonly latest: unknown;
}

/** Sums up an insight's subscriptions; a connection without an end is open. */
export function connectionOf(insight: unknown, nowMs: number): Connection {
  const subscriptions = listAt(insight, "subscriptions");
  const latest = subscriptions.at(-1);
  const total = (key: string): string =>
    `${subscriptions.reduce((sum: number, subscription) => sum + numberAt(subscription, "status", "total", key), 0)}`;
  return {
    isConnected: subscriptions.some(
      (subscription) =>
        textAt(subscription, "connectTime") !== "" && textAt(subscription, "disconnectTime") === "",
    ),
    lastConnectedAgo: ageOf(textAt(latest, "connectTime"), nowMs),
    lastUpdatedAgo: ageOf(textAt(latest, "status", "lastUpdateTime"), nowMs),
    updates: total("responsesSent"),
    errors: total("responsesRejected"),
    latest,
  };
}

/** `Online`, `Offline`, or `Partially degraded` when only some inbounds are ready. */
export function dataplaneStatus(overview: unknown, isConnected: boolean): string {
  if (!isConnected) return "Offline";
  const inbounds = listAt(overview, "dataplane", "networking", "inbound").filter(
    (inbound) => textAt(inbound, "state") !== "Ignored",
  );
  const ready = inbounds.filter(
    (inbound) => textAt(inbound, "state") !== "NotReady" && textAt(inbound, "health", "ready") !== "false",
  );
  if (inbounds.length === 0 || ready.length === inbounds.length) return "Online";
  return ready.length === 0 ? "Offline" : "Partially degraded";
}

/** `2026-11-24 10:00:00` in UTC, `-` when there is none. */
export function dateOf(time: string): string {
  const ms = Date.parse(time);
  return Number.isNaN(ms) ? "-" : new Date(ms).toISOString().slice(0, 19).replace("T", " ");
}
