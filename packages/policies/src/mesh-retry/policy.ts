import type { PolicyDefinition } from "../definition.ts";
import { type ByRoute, byRoute, byRouteOrigins } from "../engine/by-route.ts";
import type { MeshRetryConf } from "./conf.ts";
import { retries } from "./envoy.ts";
import { meshRetryKind } from "./kind.ts";

/** Calls that failed are made again, within limits. */
export const meshRetry: PolicyDefinition<never, ByRoute<MeshRetryConf>> = {
  kind: meshRetryKind,
  order: 1400,
  planOutbound(input) {
    return byRoute<MeshRetryConf>(input, "mr");
  },
  translateOutbound(plan, draft) {
    if (plan !== undefined) retries(plan, draft);
  },
  standsAlone: true,
  shapes: ["listener", "route"],
  origins: byRouteOrigins,
};
