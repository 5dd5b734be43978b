import type { PolicyDefinition } from "../definition.ts";
import { merge } from "../engine/merge.ts";
import { inboundRules, meshRules } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshGlobalRateLimitConf } from "./conf.ts";
import { askService, countForHost, globalRateLimit } from "./envoy.ts";
import { meshGlobalRateLimitKind } from "./kind.ts";

/** What counts for one inbound, or for one listener of a gateway. */
export interface GlobalRateLimitPlan extends Merged<MeshGlobalRateLimitConf> {
  /** Requests are counted together by mesh and service. */
  readonly mesh: string;
  readonly service: string;
}

/** How many requests all instances of a service take together. `to` is about built-in gateways. */
export const meshGlobalRateLimit: PolicyDefinition<GlobalRateLimitPlan, never, never, GlobalRateLimitPlan> = {
  kind: meshGlobalRateLimitKind,
  order: 910,
  planInbound({ policies, mesh, service }) {
    const merged = merge<MeshGlobalRateLimitConf>(inboundRules(policies, "mgrl", true));
    return merged && { ...merged, mesh, service };
  },
  // Limits are of services of the mesh, by name: one outside of the same name would be counted with them.
  atEgresses: false,
  planGateway({ policies, mesh, service }) {
    const merged = merge<MeshGlobalRateLimitConf>(meshRules(policies, "mgrl"));
    return merged && { ...merged, mesh, service };
  },
  perService: true,
  translateInbound(plan, draft) {
    if (plan !== undefined) globalRateLimit(plan, draft);
  },
  translateGatewayChain(plan, draft) {
    if (plan !== undefined) askService(plan, draft);
  },
  translateGatewayHost(plan, draft, ofChain) {
    if (plan !== undefined) countForHost(plan, draft, ofChain);
  },
  origins: ({ origins }) => Object.values(origins),
};
