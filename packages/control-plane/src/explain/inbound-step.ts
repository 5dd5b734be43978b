import type { Caller, ProxyPlan } from "@skein/policies";
import { breakerFacts } from "./cluster-step.ts";
import type { Hop } from "./explanation.ts";
import { plainFact } from "./facts.ts";
import { faultFacts } from "./faults.ts";
import type { Instance } from "./instances.ts";
import { otherPolicies } from "./other-policies.ts";
import { inboundTimeouts } from "./timeouts.ts";

/** What the called proxy does with a request that it lets in: limits, faults, timeouts. */
export function inboundStep({ plan, inbound }: Instance, caller: Caller | undefined, wanted: string): Hop {
  const { shared } = inbound;
  const isOther = (wanted === "tcp") !== (shared.protocol === "tcp");
  const faults = faultFacts(shared.policies, caller);
  const taken = `${plan.name} takes it at ${inbound.address}:${inbound.port} as ${shared.protocol}`;
  return {
    at: "inbound",
    name: plan.name,
    outcome: isOther || faults.length > 0 ? "warn" : "pass",
    text: isOther
      ? `the service says ${wanted} and the inbound ${shared.protocol}: the application gets what it may not understand; make both the same`
      : faults.length > 0
        ? `${taken}, and a MeshFaultInjection interferes on purpose`
        : taken,
    facts: [
      ...inboundTimeouts(shared.policies, shared.protocol, caller),
      ...breakerFacts(shared.policies),
      ...faults,
      ...otherPolicies(shared.policies),
    ],
  };
}

/** The end of the way. */
export function applicationStep({ plan, inbound }: Instance): Hop {
  const { address, port } = inbound.shared.service;
  return {
    at: "application",
    name: workload(plan),
    outcome: "pass",
    text: `the application at ${address}:${port} gets it`,
    facts: [plainFact("protocol", inbound.shared.protocol)],
  };
}

function workload({ labels, name }: ProxyPlan): string {
  return labels["kuma.io/workload"] ?? labels.app ?? name;
}
