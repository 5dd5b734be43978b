import { setTimeout } from "node:timers/promises";
import type { ApiClient } from "../client/api-client.ts";
import { textAt } from "../read.ts";
import { type Change, type ProxyProgress, parseRejections } from "./change.ts";

const pollMs = 200;

/**
 * Stands in for a change that the control plane no longer knows (an old one that a write repeated, or one from before
 * a restart): waits until no connected proxy is behind anything, and tells how they stand.
 */
export async function settleByStatus(
  client: ApiClient,
  id: number,
  deadline: number,
  now: () => number,
): Promise<Change> {
  for (;;) {
    const proxies = (await client.all("/_proxy-status")).map(progressOf);
    const count = (state: ProxyProgress["state"]): number =>
      proxies.filter((proxy) => proxy.state === state).length;
    if (count("behind") === 0 || now() >= deadline) {
      return {
        id,
        settled: count("behind") === 0,
        counts: {
          affected: proxies.length,
          acknowledged: count("acknowledged"),
          behind: count("behind"),
          rejected: count("rejected"),
          gone: count("gone"),
        },
        lastAcknowledgedAfterMs: 0,
        proxies,
      };
    }
    await setTimeout(pollMs);
  }
}

function progressOf(item: unknown): ProxyProgress {
  const states: Readonly<Record<string, ProxyProgress["state"]>> = {
    "in-sync": "acknowledged",
    rejected: "rejected",
    offline: "gone",
  };
  return {
    mesh: textAt(item, "mesh"),
    name: textAt(item, "name"),
    state: states[textAt(item, "state")] ?? "behind",
    resources: [],
    rejected: parseRejections(item),
  };
}
