import type { Caller, PolicyPlans } from "@skein/policies";
import type { FaultPlan } from "@skein/policies/mesh-fault-injection/plan";
import { meshFaultInjection } from "@skein/policies/mesh-fault-injection/policy";
import { matchesCaller } from "@skein/policies/mesh-traffic-permission/verdict";
import type { Fact } from "./explanation.ts";

/** Name of the facts about faults that the caller in question meets. */
export const INJECTED = "fault injected";

/**
 * The faults that a caller meets, one fact for each with its share. Those of the deprecated `from` go by tags that only
 * the caller's proxy knows: each of their entries is told, with its target.
 */
export function faultFacts(policies: PolicyPlans, caller: Caller | undefined): readonly Fact[] {
  const plan = policies[meshFaultInjection.kind.type] as FaultPlan | undefined;
  if (plan === undefined) return [];
  if (plan.model === "tags") {
    return plan.entries.map(({ target, http, origin }) => ({
      name: `faults for ${target.name ?? (target.tags === undefined ? target.kind : JSON.stringify(target.tags))}`,
      value: http.length === 0 ? "none" : http.flatMap(words).join(", "),
      origin,
    }));
  }
  return plan.rules
    .filter(
      ({ callers }) =>
        callers.length === 0 ||
        (caller !== undefined && callers.some((match) => matchesCaller(match, caller))),
    )
    .flatMap(({ http, origin }) => http.flatMap(words).map((value) => ({ name: INJECTED, value, origin })));
}

type Fault = Extract<FaultPlan, { readonly model: "matches" }>["rules"][number]["http"][number];

function words({ abort, delay, responseBandwidth }: Fault): readonly string[] {
  const of = (share: string | number): string => `for ${share}% of requests`;
  return [
    ...(abort === undefined ? [] : [`answers ${abort.httpStatus} ${of(abort.percentage)}`]),
    ...(delay === undefined ? [] : [`waits ${delay.value} ${of(delay.percentage)}`]),
    ...(responseBandwidth === undefined
      ? []
      : [`sends answers at ${responseBandwidth.limit} ${of(responseBandwidth.percentage)}`]),
  ];
}
