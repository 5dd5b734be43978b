import type { Explanation } from "@skein/control-plane/offline";
import { parseKri } from "@skein/model/kri";
import { limitMs, type PolicyTest } from "./schema.ts";

/** What a test expected and did not get, a sentence each; empty where it holds. */
export function mismatches(test: PolicyTest, got: Explanation): readonly string[] {
  const {
    verdict = "allowed",
    decidedBy,
    timeout,
    connectTimeout,
    idleTimeout,
    retries,
    tls,
    backends,
    route,
    location,
    appPath,
  } = test.expect ?? {};
  const found: string[] = [];
  const compare = (what: string, wanted: unknown, is: unknown): void => {
    if (wanted !== is) found.push(`${what}: expected ${text(wanted)}, got ${text(is)}`);
  };
  if (verdict === "refused") {
    if (got.verdict === "allowed" || got.verdict === "differs") compare("verdict", "refused", got.verdict);
  } else compare("verdict", verdict, got.verdict);
  if (decidedBy !== undefined && !isOf(decidedBy, got.decidedBy)) {
    compare("decided by", decidedBy, got.decidedBy?.policy ?? "none");
  }
  if (route !== undefined && !isOf(route, got.route)) compare("route", route, got.route?.policy ?? "none");
  if (location !== undefined) compare("location", location, got.answer?.location ?? "none");
  if (appPath !== undefined) compare("path at the application", appPath, got.sent?.path ?? "none");
  if (timeout !== undefined) compare("timeout", ms(limitMs(timeout)), ms(got.limits.requestMs));
  if (connectTimeout !== undefined)
    compare("connectTimeout", ms(limitMs(connectTimeout)), ms(got.limits.connectMs));
  if (idleTimeout !== undefined) compare("idleTimeout", ms(limitMs(idleTimeout)), ms(got.limits.idleMs));
  if (retries !== undefined) compare("retries", retries, retriesOf(got));
  if (tls !== undefined) compare("tls", tls, isSecured(got));
  if (backends !== undefined) {
    const shares = sharesOf(got);
    for (const name of new Set([...Object.keys(backends), ...Object.keys(shares)])) {
      compare(`share of ${name}`, `${backends[name] ?? 0}%`, `${shares[name] ?? 0}%`);
    }
  }
  return found;
}

function text(value: unknown): string {
  return String(value);
}

function ms(value: number | undefined): string {
  return value === undefined ? "none" : `${value / 1000}s`;
}

/** By KRI or by the name in it. */
function isOf(wanted: string, rule: Explanation["decidedBy"]): boolean {
  if (rule === null) return wanted === "none";
  return wanted === rule.policy || wanted === parseKri(rule.policy)?.name;
}

/** How often a failed call is made again. */
function retriesOf(got: Explanation): number {
  const facts = got.branches[0]?.hops.find(({ at }) => at === "cluster")?.facts ?? [];
  const value = (name: string): string | undefined => facts.find((fact) => fact.name === name)?.value;
  if (value("retries") === "none") return 0;
  const attempts = value("retry.maxConnectAttempt");
  if (attempts !== undefined) return Number(attempts) - 1;
  return Number(value("retry.numRetries") ?? 1);
}

/** Between proxies: what a proxy does with a service outside the mesh does not count. */
function isSecured({ branches }: Explanation): boolean {
  return (
    branches.length > 0 &&
    branches.every(
      ({ hops, instances }) =>
        instances.length > 0 && hops.find(({ at }) => at === "tls")?.outcome === "pass",
    )
  );
}

/** Percent of the requests by destination, whichever instance takes them. */
function sharesOf({ branches }: Explanation): Readonly<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (const { backend, share } of branches)
    shares[backend] = Math.round(((shares[backend] ?? 0) + share) * 100) / 100;
  return shares;
}
