import type { Caller, Origin, PolicyPlans } from "@skein/policies";
import { callerTagsRegex } from "@skein/policies/engine/caller-tags";
import type { Fault } from "@skein/policies/mesh-fault-injection/conf";
import type { FaultPlan } from "@skein/policies/mesh-fault-injection/plan";
import { meshFaultInjection } from "@skein/policies/mesh-fault-injection/policy";
import { matchesCaller } from "@skein/policies/mesh-traffic-permission/verdict";
import { coversText } from "@skein/policies/re2/covers-text";
import type { Fact } from "./explanation.ts";

/** Who calls, as the called proxy can tell. */
export interface KnownCaller {
  /** Absent over plaintext. */
  readonly certificate: Caller | undefined;
  /** What the caller's proxy says of its tags, where some policy asks for them. */
  readonly tags: string;
}

/** The faults that a caller meets. */
export interface MetFaults {
  readonly facts: readonly Fact[];
  /** Set where every request is aborted. */
  readonly aborted?: { readonly status: number; readonly origin: Origin };
}

/** What a MeshFaultInjection does to the requests of this caller. */
export function faultsFor(policies: PolicyPlans, caller: KnownCaller): MetFaults {
  const plan = policies[meshFaultInjection.kind.type] as FaultPlan | undefined;
  const met = plan === undefined ? [] : rulesFor(plan, caller);
  const faults = met.flatMap(({ http, origin }) => http.map((fault) => ({ fault, origin })));
  const certain = faults.find(({ fault: { abort } }) => abort !== undefined && isAlways(abort.percentage));
  const status = certain?.fault.abort?.httpStatus;
  return {
    facts: faults.flatMap(({ fault, origin }) => told(fault).map((fact) => ({ ...fact, origin }))),
    ...(certain === undefined || status === undefined ? {} : { aborted: { status, origin: certain.origin } }),
  };
}

/** By certificate every rule that fits adds its faults; by tags the last entry that fits is all that holds. */
function rulesFor(plan: FaultPlan, { certificate, tags }: KnownCaller) {
  if (plan.model === "matches") {
    return plan.rules.filter(
      ({ callers }) =>
        callers.length === 0 ||
        (certificate !== undefined && callers.some((match) => matchesCaller(match, certificate))),
    );
  }
  const last = plan.entries.findLast(({ target }) => {
    const regex = callerTagsRegex(target);
    return regex === undefined || coversText(regex, tags);
  });
  return last === undefined ? [] : [last];
}

function told({ abort, delay, responseBandwidth }: Fault): readonly Fact[] {
  return [
    ...(delay === undefined ? [] : [fact("delay", delay.percentage, `wait ${delay.value}`)]),
    ...(abort === undefined ? [] : [fact("abort", abort.percentage, `get ${abort.httpStatus}`)]),
    ...(responseBandwidth === undefined
      ? []
      : [fact("bandwidth", responseBandwidth.percentage, `are answered at ${responseBandwidth.limit}`)]),
  ];
}

function fact(name: string, percentage: number | string, what: string): Fact {
  return { name: `fault.${name}`, value: `${String(percentage)}% of the requests ${what}` };
}

/** Whether a fact is about a fault. */
export function isFault({ name }: Fact): boolean {
  return name.startsWith("fault.");
}

function isAlways(percentage: number | string): boolean {
  return Number(percentage) >= 100;
}
