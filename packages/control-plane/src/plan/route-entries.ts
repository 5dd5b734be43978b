import type { WeightedBackend } from "@skein/policies/engine/backends";
import type { HttpMatch, HttpRouteFilter } from "@skein/policies/mesh-http-route/conf";
import { matchText } from "@skein/policies/mesh-http-route/match-text";
import type { HttpRoutePlan, HttpRoutesPlan } from "@skein/policies/mesh-http-route/plan";
import type { TcpRoutePlan } from "@skein/policies/mesh-tcp-route/policy";
import type { Origin } from "@skein/policies/plan/origin";
import { isRecord } from "../insights/fields.ts";
import type { EntryField } from "./entry-fields.ts";

/** One rule of a route in a plan, as people wrote it. */
export interface RouteRule {
  /** KRI of the policy with the rule as section. */
  readonly kri: string;
  readonly origin: Origin;
  /** Absent for connections, which have nothing to match. */
  readonly match?: HttpMatch;
  readonly conf: {
    readonly filters?: readonly HttpRouteFilter[];
    readonly backendRefs?: readonly unknown[];
  };
  /** Of `filters` and `backendRefs`, which may come from rules of different policies. */
  readonly origins: Readonly<Record<string, Origin>>;
}

/** The rules of a plan entry of MeshHTTPRoute or MeshTCPRoute, in the order in which they are tried; else `undefined`. */
export function routeRulesOf(entry: unknown): readonly RouteRule[] | undefined {
  if (!isRecord(entry) || !Array.isArray(entry.references)) return undefined;
  if (Array.isArray(entry.routes)) {
    const plan = entry as unknown as HttpRoutesPlan;
    return plan.routes.map((route) => httpRule(route, plan));
  }
  return Array.isArray(entry.backends) ? tcpRules(entry as unknown as TcpRoutePlan) : undefined;
}

/** The fields of rules; what a rule does not set is a rule that sends requests on to the destination. */
export function routeFields(rules: readonly RouteRule[]): readonly EntryField[] {
  const seen = new Map<string, number>();
  return rules.flatMap(({ match, conf, origin, origins }) => {
    const text = match === undefined ? "connections" : matchText(match);
    const nth = (seen.get(text) ?? 0) + 1;
    seen.set(text, nth);
    const path = `rules[${text}${nth === 1 ? "" : `, ${nth}`}]`;
    const fields = Object.entries(conf).map(([field, value]) => ({
      path: `${path}.${field}`,
      value,
      origin: origins[field] ?? origin,
    }));
    return fields.length > 0 ? fields : [{ path, value: {}, origin }];
  });
}

function httpRule(
  { name, origin, origins, match, filters, backends }: HttpRoutePlan,
  { references }: HttpRoutesPlan,
): RouteRule {
  return {
    kri: name,
    origin,
    match,
    conf: {
      ...(filters.length === 0 ? {} : { filters }),
      ...(backends === undefined ? {} : { backendRefs: refsOf(backends, references) }),
    },
    origins,
  };
}

function tcpRules({ backends, references }: TcpRoutePlan): readonly RouteRule[] {
  const [first] = backends;
  if (first === undefined) return [];
  const origin = { policy: first.origin.policy, rule: first.origin.rule.replace(/\.default\..*$/, "") };
  return [
    {
      kri: `${origin.policy}rule_0`,
      origin,
      conf: { backendRefs: refsOf(backends, references) },
      origins: { backendRefs: origin },
    },
  ];
}

function refsOf(backends: readonly WeightedBackend[], references: HttpRoutesPlan["references"]) {
  return backends.flatMap(({ key }) => references.find((reference) => reference.key === key)?.ref ?? []);
}
