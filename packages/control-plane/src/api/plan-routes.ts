import type { PolicyPlans } from "@skein/policies/plan/proxy-plan";
import { isRecord } from "../insights/fields.ts";
import { isOrigin } from "../plan/entry-fields.ts";

const ROUTE_KINDS = ["MeshHTTPRoute", "MeshTCPRoute"];

/** One rule of a route, as the API shows it. */
interface RouteRule {
  readonly kri: string;
  readonly matches: readonly unknown[];
  readonly conf: unknown;
}

/** The routes that policies put on an outbound, in the order in which they are tried. */
export function routesOf(policies: PolicyPlans): readonly unknown[] {
  return ROUTE_KINDS.flatMap((kind) => {
    const rules = routeRules(policies[kind]);
    if (rules.length === 0) return [];
    const origins = [...new Set(rules.map(({ kri }) => kri))];
    return [{ kind, rules, origins: origins.map((kri) => ({ kri })) }];
  });
}

/** A rule is what says which policy it is of; it matches everything where it names no matches. */
function routeRules(entry: unknown): readonly RouteRule[] {
  if (Array.isArray(entry)) return entry.flatMap(routeRules);
  if (!isRecord(entry)) return [];
  const kri = isOrigin(entry.origin) ? entry.origin.policy : undefined;
  if (kri === undefined) return Object.values(entry).flatMap(routeRules);
  const { origin: _, matches, match, conf, ...rest } = entry;
  const all = Array.isArray(matches) ? matches : match === undefined ? [] : [match];
  return [{ kri, matches: all, conf: conf ?? rest }];
}
