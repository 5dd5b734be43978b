import type { PolicyDefinition } from "../definition.ts";
import { type ByCaller, byCaller, byCallerOrigins, callersOf } from "../engine/by-caller.ts";
import { type ByRoute, byRoute, byRouteOrigins } from "../engine/by-route.ts";
import { merge } from "../engine/merge.ts";
import { inboundRules } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshTimeoutConf } from "./conf.ts";
import { clientTimeouts, inboundTimeouts, outboundTimeouts } from "./envoy.ts";
import { meshTimeoutKind } from "./kind.ts";

/** How long to wait for connections, requests and idle streams. */
export const meshTimeout: PolicyDefinition<
  ByCaller<MeshTimeoutConf>,
  ByRoute<MeshTimeoutConf>,
  never,
  Merged<MeshTimeoutConf>
> = {
  kind: meshTimeoutKind,
  order: 1000,
  planInbound({ policies }) {
    return byCaller<MeshTimeoutConf>(inboundRules(policies, "mt", true));
  },
  planOutbound(input) {
    return byRoute<MeshTimeoutConf>(input, "mt");
  },
  planGateway({ policies }) {
    // A client of a gateway has no certificate of the mesh, so rules for some callers are about nobody.
    return merge<MeshTimeoutConf>(
      inboundRules(policies, "mt", true).filter(({ matches }) => matches.length === 0),
    );
  },
  callers: callersOf,
  translateInbound: inboundTimeouts,
  translateOutbound: outboundTimeouts,
  translateGatewayChain: clientTimeouts,
  standsAlone: true,
  origins: (plan) => ("callers" in plan ? byCallerOrigins(plan) : byRouteOrigins(plan)),
};
