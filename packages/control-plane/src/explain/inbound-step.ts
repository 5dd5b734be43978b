import type { InboundSharedPlan, Origin, Protocol, ProxyPlan } from "@skein/policies";
import { breakerFacts } from "./cluster-step.ts";
import type { Attempt, Hop } from "./explanation.ts";
import { plainFact } from "./facts.ts";
import { faultsFor, type KnownCaller } from "./faults.ts";
import type { Instance } from "./instances.ts";
import { otherPolicies } from "./other-policies.ts";
import { rateLimitFacts } from "./rate-limits.ts";
import { inboundTimeouts } from "./timeouts.ts";

/** What becomes of a request that the called proxy lets in. */
export interface InboundChoice {
  readonly hop: Hop;
  /** The rule that aborts every request of this caller. */
  readonly abortedBy?: Origin;
  /** How requests end here that are let in. */
  readonly attempts: readonly Attempt[];
}

/** What the called proxy does with a request that it lets in: limits, faults, timeouts. */
export function inboundStep(
  { plan, inbound }: Instance,
  caller: KnownCaller,
  wanted: Protocol,
): InboundChoice {
  const { shared } = inbound;
  const isOther = (wanted === "tcp") !== (shared.protocol === "tcp");
  const { facts, aborted, attempts } = faultsFor(shared.policies, caller);
  const taken = `${plan.name} takes it at ${inbound.address}:${inbound.port} as ${shared.protocol}`;
  const hop: Hop = {
    at: "inbound",
    name: plan.name,
    outcome: aborted !== undefined ? "stop" : isOther || facts.length > 0 ? "warn" : "pass",
    text:
      aborted !== undefined
        ? `a fault aborts every request of this caller with ${aborted.status}`
        : isOther
          ? `the service says ${wanted} and the inbound ${shared.protocol}: the application gets what it may not understand; make both the same`
          : facts.length > 0
            ? `${taken}, and a MeshFaultInjection interferes on purpose`
            : taken,
    facts: [
      ...inboundTimeouts(shared.policies, shared.protocol, caller.certificate),
      ...facts,
      ...rateLimitFacts(shared.policies, shared.protocol, caller.certificate),
      ...breakerFacts(shared.policies),
      ...otherPolicies(shared.policies),
    ],
  };
  return { hop, attempts, ...(aborted === undefined ? {} : { abortedBy: aborted.origin }) };
}

/** The end of the way inside the mesh. */
export function applicationStep(plan: ProxyPlan, shared: InboundSharedPlan): Hop {
  const { address, port } = shared.service;
  return {
    at: "application",
    name: workload(plan),
    outcome: "pass",
    text: `the application at ${address}:${port} gets it`,
    facts: [plainFact("protocol", shared.protocol)],
  };
}

function workload({ labels, name }: ProxyPlan): string {
  return labels["kuma.io/workload"] ?? labels.app ?? name;
}
