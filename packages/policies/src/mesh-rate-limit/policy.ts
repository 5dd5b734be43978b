import type { PolicyDefinition } from "../definition.ts";
import { type ByCaller, byCaller, byCallerOrigins, callersOf } from "../engine/by-caller.ts";
import { inboundRules } from "../engine/rules.ts";
import type { MeshRateLimitConf } from "./conf.ts";
import { rateLimits } from "./envoy.ts";
import { meshRateLimitKind } from "./kind.ts";

/** How many requests and connections an instance takes in an interval. `to` is about built-in gateways. */
export const meshRateLimit: PolicyDefinition<ByCaller<MeshRateLimitConf>, never, never> = {
  kind: meshRateLimitKind,
  order: 900,
  planInbound({ policies }) {
    return byCaller<MeshRateLimitConf>(inboundRules(policies, "mrl", true));
  },
  callers: callersOf,
  translateInbound: rateLimits,
  shapes: ["listener", "route"],
  origins: byCallerOrigins,
};
