import type { GatewayInput, InboundInput, PolicyDefinition } from "../definition.ts";
import { type Contribution, merge } from "../engine/merge.ts";
import { comparePolicies } from "../engine/order.ts";
import type { PolicyResource } from "../engine/policy-resource.ts";
import { policyKri } from "../engine/rules.ts";
import type { Merged, PolicyPlans } from "../plan/origin.ts";
import type { MeshOpaConf } from "./conf.ts";
import { askAgent, askAgentForHost, DEFAULT_AGENT } from "./envoy.ts";
import { meshOpaKind } from "./kind.ts";

/** What the agent of a proxy decides by. Secrets are in it by name. */
export type OpaPlan = Merged<MeshOpaConf>;

/** How the requests of one inbound, or one listener of a gateway, are decided on. */
export interface OpaInboundPlan extends OpaPlan {
  /** Host and port at which the agent is asked. */
  readonly agent: string;
}

/** Which requests an Open Policy Agent beside each proxy lets through. The rules of all policies count together. */
export const meshOpa: PolicyDefinition<OpaInboundPlan, never, OpaPlan, OpaInboundPlan> = {
  kind: meshOpaKind,
  order: 950,
  planInbound(input) {
    return input.protocol === "tcp" ? undefined : decidedOn(input);
  },
  planGateway(input) {
    return input.isHttp ? decidedOn(input) : undefined;
  },
  planProxy({ policies }) {
    const merged = mergedConf(policies);
    return hasSay(merged) ? merged : undefined;
  },
  translateInbound(plan, draft) {
    if (plan !== undefined) askAgent(plan, draft);
  },
  // An egress has no agent beside it: a policy for everybody would have it refuse everything.
  atEgresses: false,
  translateGatewayChain(plan, draft) {
    if (plan !== undefined) askAgent(plan, draft);
  },
  translateGatewayHost(plan, draft, ofChain) {
    if (plan !== undefined && plan !== ofChain) askAgentForHost(plan, draft, ofChain !== undefined);
  },
  shapes: ["listener"],
  origins: ({ origins }) => Object.values(origins),
};

function decidedOn({ policies, extAuthzAddress }: InboundInput | GatewayInput): OpaInboundPlan | undefined {
  const merged = mergedConf(policies);
  return hasSay(merged) ? { ...merged, agent: extAuthzAddress ?? DEFAULT_AGENT } : undefined;
}

/** What the plan of a proxy says of its agent. */
export function agentPlan(ofProxy: PolicyPlans): OpaPlan | undefined {
  return ofProxy[meshOpaKind.type] as OpaPlan | undefined;
}

/** Settings alone ask nobody: they wait for a policy with rules. */
function hasSay(plan: OpaPlan | undefined): plan is OpaPlan {
  return plan?.conf.agentConfig !== undefined || (plan?.conf.appendPolicies ?? []).length > 0;
}

function mergedConf(policies: readonly PolicyResource[]): OpaPlan | undefined {
  const contributions = [...policies].sort(comparePolicies).map((policy) => ({
    conf: policy.spec.default as MeshOpaConf,
    origin: { policy: policyKri(policy, "mopa"), rule: "default" },
  }));
  return merge<MeshOpaConf>(oneAgentConfig(contributions));
}

/** A text and the name of a Secret must not come together: the last policy that has either has both. */
function oneAgentConfig(
  contributions: readonly (Contribution & { readonly conf: MeshOpaConf })[],
): readonly Contribution[] {
  const last = contributions.findLastIndex(({ conf }) => conf.agentConfig !== undefined);
  return contributions.map(({ conf: { agentConfig, ...rest }, origin }, i) => ({
    conf: i === last ? { agentConfig, ...rest } : rest,
    origin,
  }));
}
