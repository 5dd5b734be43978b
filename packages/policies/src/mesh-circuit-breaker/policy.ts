import type { PolicyDefinition } from "../definition.ts";
import { merge } from "../engine/merge.ts";
import { inboundRules, outboundRules } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshCircuitBreakerConf } from "./conf.ts";
import { circuitBreakers } from "./envoy.ts";
import { meshCircuitBreakerKind } from "./kind.ts";

/** Limits on what may be open towards a cluster, and ejection of instances that fail. */
export const meshCircuitBreaker: PolicyDefinition<
  Merged<MeshCircuitBreakerConf>,
  Merged<MeshCircuitBreakerConf>
> = {
  kind: meshCircuitBreakerKind,
  order: 1300,
  planInbound({ policies }) {
    return merge<MeshCircuitBreakerConf>(inboundRules(policies, "mcb", true));
  },
  planOutbound({ policies, destination }) {
    return merge<MeshCircuitBreakerConf>(outboundRules(policies, destination, "mcb"));
  },
  translateInbound(plan, draft) {
    circuitBreakers(plan?.conf ?? {}, draft.cluster);
  },
  translateOutbound(plan, draft) {
    circuitBreakers(plan?.conf ?? {}, draft.cluster);
  },
  shapes: ["cluster"],
  origins: ({ origins }) => Object.values(origins),
};
