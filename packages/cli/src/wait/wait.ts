import { setTimeout } from "node:timers/promises";
import { type ApiClient, parseJsonObject } from "../client/api-client.ts";
import { apiErrorOf } from "../client/api-error.ts";
import { humanDuration, toGoDuration } from "../duration.ts";
import { CliError, exitCode } from "../exit.ts";
import { listAt } from "../read.ts";
import type { Session } from "../session.ts";
import { type Change, describeRejection, type ProxyProgress, parseChange } from "./change.ts";
import { settleByStatus } from "./forgotten-change.ts";

const longestPollMs = 60_000;
/** Between polls of a server that answers at once although nothing is settled. */
const shortestPollMs = 50;
const mostListed = 50;

/**
 * Waits until every proxy that the changes affect has answered or gone, or the time is over, and tells how it went.
 * Throws with exit code 3 when a proxy is behind or has rejected.
 */
export async function waitForChanges(
  session: Session,
  ids: readonly (number | undefined)[],
  timeoutMs: number,
): Promise<void> {
  const known = [...new Set(ids.filter((id) => id !== undefined))];
  if (known.length === 0 && ids.length > 0) {
    throw new CliError(
      "written, but this control plane does not report changes, so --wait cannot tell when proxies have them",
    );
  }
  const client = await session.client();
  const deadline = session.io.now() + timeoutMs;
  const changes = await Promise.all(known.map((id) => settle(client, id, deadline, session.io.now)));
  report(session, mergeChanges(changes), timeoutMs);
}

/** Polls one change until it is settled or the time is over. */
async function settle(client: ApiClient, id: number, deadline: number, now: () => number): Promise<Change> {
  for (;;) {
    const asked = now();
    const left = Math.max(0, Math.min(longestPollMs, deadline - asked));
    const response = await client.request("GET", `/_changes/${id}`, {
      query: { wait: toGoDuration(left) },
      extraTimeMs: left,
    });
    if (response.status === 404) return settleByStatus(client, id, deadline, now);
    if (response.status >= 400) throw apiErrorOf(response.status, response.body);
    const document = parseJsonObject(response, client.url);
    const listed = listAt(document, "items");
    const change = parseChange(document, listed);
    if (change.settled || now() >= deadline) {
      const isWhole = listed.length === 0 || listed.length >= change.counts.affected;
      return isWhole ? change : parseChange(document, await client.all(`/_changes/${id}`));
    }
    if (now() - asked < shortestPollMs) await setTimeout(shortestPollMs);
  }
}

interface Outcome {
  readonly acknowledged: number;
  readonly gone: number;
  readonly slowestMs: number;
  readonly unsettled: readonly ProxyProgress[];
  /** Proxies that are not satisfied but that the control plane no longer names. */
  readonly unnamed: number;
}

/** A proxy counts as acknowledged when it has acknowledged all the changes that affect it. */
export function mergeChanges(changes: readonly Change[]): Outcome {
  const rank = { acknowledged: 0, gone: 1, behind: 2, rejected: 3 } as const;
  const worst = new Map<string, ProxyProgress>();
  let unnamedGood = 0;
  let unnamedBad = 0;
  for (const { proxies, counts } of changes) {
    for (const proxy of proxies) {
      const key = `${proxy.mesh}/${proxy.name}`;
      const before = worst.get(key);
      if (before === undefined || rank[proxy.state] > rank[before.state]) worst.set(key, proxy);
    }
    if (proxies.length === 0) {
      unnamedGood = Math.max(unnamedGood, counts.acknowledged);
      unnamedBad = Math.max(unnamedBad, counts.behind + counts.rejected);
    }
  }
  const all = [...worst.values()];
  return {
    acknowledged:
      all.length === 0 ? unnamedGood : all.filter((proxy) => proxy.state === "acknowledged").length,
    gone: all.filter((proxy) => proxy.state === "gone").length,
    slowestMs: Math.max(0, ...changes.map((change) => change.lastAcknowledgedAfterMs)),
    unsettled: all.filter((proxy) => proxy.state === "behind" || proxy.state === "rejected"),
    unnamed: all.length === 0 ? unnamedBad : 0,
  };
}

function report(session: Session, outcome: Outcome, timeoutMs: number): void {
  const { acknowledged, gone, slowestMs, unsettled, unnamed } = outcome;
  const missing = unsettled.length + unnamed;
  if (acknowledged + gone + missing === 0) {
    session.io.out("no proxy is affected\n");
    return;
  }
  const took = acknowledged > 0 && slowestMs > 0 ? ` in ${humanDuration(slowestMs)}` : "";
  const left = gone === 0 ? "" : `, ${gone} went away`;
  session.io.out(`${proxies(acknowledged)} acknowledged${took}${left}\n`);
  if (missing === 0) return;
  const details = unsettled.slice(0, mostListed).flatMap((proxy) => describe(proxy));
  const hidden = unsettled.length - Math.min(unsettled.length, mostListed);
  const isLate = unnamed > 0 || unsettled.some((proxy) => proxy.state === "behind");
  throw new CliError(
    `${proxies(missing)} did not acknowledge${isLate ? ` within ${humanDuration(timeoutMs)}` : ""}`,
    {
      details: hidden > 0 ? [...details, `… and ${hidden} more: see "proxy-status"`] : details,
      exitCode: exitCode.waitNotSatisfied,
    },
  );
}

function describe(proxy: ProxyProgress): readonly string[] {
  const name = `${proxy.mesh}/${proxy.name}`;
  if (proxy.state === "behind") {
    const waiting =
      proxy.resources.length === 0 ? "" : `, has not answered for ${proxy.resources.join(", ")}`;
    return [`* ${name}: behind${waiting}`];
  }
  if (proxy.rejected.length === 0) return [`* ${name}: rejected`];
  return proxy.rejected.map((rejection) => `* ${name}: rejected ${describeRejection(rejection)}`);
}

function proxies(count: number): string {
  return `${count} ${count === 1 ? "proxy" : "proxies"}`;
}
