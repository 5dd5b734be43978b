import type { PolicyDefinition } from "../definition.ts";
import { type ByCaller, byCaller, byCallerOrigins, callersOf } from "../engine/by-caller.ts";
import { type ByRoute, byRouteOfListener, byRouteOrigins } from "../engine/by-route.ts";
import { inboundRules } from "../engine/rules.ts";
import type { MeshRateLimitConf } from "./conf.ts";
import { chainRateLimits, hostRateLimits, rateLimits } from "./envoy.ts";
import { meshRateLimitKind } from "./kind.ts";

/** How many requests and connections an instance takes in an interval. `to` is about built-in gateways. */
export const meshRateLimit: PolicyDefinition<
  ByCaller<MeshRateLimitConf>,
  never,
  never,
  ByRoute<MeshRateLimitConf>
> = {
  kind: meshRateLimitKind,
  order: 900,
  planInbound({ policies }) {
    return byCaller<MeshRateLimitConf>(inboundRules(policies, "mrl", true));
  },
  planGateway(input) {
    return byRouteOfListener<MeshRateLimitConf>(input, "mrl");
  },
  callers: callersOf,
  translateInbound: rateLimits,
  translateGatewayChain: chainRateLimits,
  translateGatewayHost: hostRateLimits,
  shapes: ["listener", "route"],
  origins: (plan) => ("routes" in plan ? byRouteOrigins(plan) : byCallerOrigins(plan)),
};
