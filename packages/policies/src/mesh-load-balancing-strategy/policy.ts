import type { PolicyDefinition } from "../definition.ts";
import { type ByRoute, byRoute, byRouteOrigins } from "../engine/by-route.ts";
import type { MeshLoadBalancingStrategyConf } from "./conf.ts";
import { loadBalancing } from "./envoy.ts";
import { meshLoadBalancingStrategyKind } from "./kind.ts";

type Plan = ByRoute<MeshLoadBalancingStrategyConf>;

/**
 * Which instance gets a request. What it says of near and far instances depends on the caller's own tags too, so that
 * part becomes an `EndpointsView` for each caller (`view.ts`).
 */
export const meshLoadBalancingStrategy: PolicyDefinition<Plan, Plan, Plan> = {
  kind: meshLoadBalancingStrategyKind,
  order: 400,
  planOutbound(input) {
    return byRoute<MeshLoadBalancingStrategyConf>(input, "mlbs");
  },
  translateOutbound(plan, draft) {
    if (plan !== undefined) loadBalancing(plan, draft);
  },
  origins: byRouteOrigins,
};
