import type { PolicyPlans } from "@skein/policies/plan/origin";
import { routeRulesOf } from "../plan/route-entries.ts";

const ROUTE_KINDS = ["MeshHTTPRoute", "MeshTCPRoute"];

/** The routes that policies put on an outbound, in the order in which they are tried. */
export function routesOf(policies: PolicyPlans): readonly unknown[] {
  return ROUTE_KINDS.flatMap((kind) => {
    const rules = routeRulesOf(policies[kind]) ?? [];
    if (rules.length === 0) return [];
    const origins = new Set(
      rules
        .flatMap(({ origin, origins: byField }) => [origin, ...Object.values(byField)])
        .map(({ policy }) => policy),
    );
    return [
      {
        kind,
        rules: rules.map(({ kri, match, conf }) => ({
          kri,
          matches: match === undefined ? [] : [match],
          conf,
        })),
        origins: [...origins].map((kri) => ({ kri })),
      },
    ];
  });
}
