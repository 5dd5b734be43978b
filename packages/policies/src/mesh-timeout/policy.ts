import type { PolicyDefinition } from "../definition.ts";
import { type ByCaller, byCaller, byCallerOrigins, callersOf } from "../engine/by-caller.ts";
import { type ByRoute, byRoute, byRouteOrigins } from "../engine/by-route.ts";
import { inboundRules } from "../engine/rules.ts";
import type { MeshTimeoutConf } from "./conf.ts";
import { inboundTimeouts, outboundTimeouts } from "./envoy.ts";
import { meshTimeoutKind } from "./kind.ts";

/** How long to wait for connections, requests and idle streams. */
export const meshTimeout: PolicyDefinition<ByCaller<MeshTimeoutConf>, ByRoute<MeshTimeoutConf>, never> = {
  kind: meshTimeoutKind,
  order: 1000,
  planInbound({ policies }) {
    return byCaller<MeshTimeoutConf>(inboundRules(policies, "mt", true));
  },
  planOutbound(input) {
    return byRoute<MeshTimeoutConf>(input, "mt");
  },
  callers: callersOf,
  translateInbound: inboundTimeouts,
  translateOutbound: outboundTimeouts,
  standsAlone: true,
  origins: (plan) => ("callers" in plan ? byCallerOrigins(plan) : byRouteOrigins(plan)),
};
