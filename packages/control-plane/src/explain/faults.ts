import { durationMs, intOrStringValue } from "@skein/model";
import type { Caller, Origin, PolicyPlans } from "@skein/policies";
import { callerTagsRegex } from "@skein/policies/engine/caller-tags";
import type { Fault } from "@skein/policies/mesh-fault-injection/conf";
import { rulesMet } from "@skein/policies/mesh-fault-injection/met";
import type { FaultPlan } from "@skein/policies/mesh-fault-injection/plan";
import { meshFaultInjection } from "@skein/policies/mesh-fault-injection/policy";
import { matchesCaller } from "@skein/policies/mesh-traffic-permission/verdict";
import { coversText } from "@skein/policies/re2/covers-text";
import type { Attempt, Fact } from "./explanation.ts";

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
  /** How requests end that are let in; shares in percent. */
  readonly attempts: readonly Attempt[];
}

/** What a MeshFaultInjection does to the requests of this caller. */
export function faultsFor(policies: PolicyPlans, caller: KnownCaller): MetFaults {
  const plan = policies[meshFaultInjection.kind.type] as FaultPlan | undefined;
  const met = plan === undefined ? [] : rulesFor(plan, caller);
  const faults = met.flatMap(({ http, origin }) => http.map((fault) => ({ fault, origin })));
  const certain = faults.find(({ fault: { abort } }) => abort !== undefined && isAlways(abort.percentage));
  const status = certain?.fault.abort?.httpStatus;
  return {
    attempts: attemptsWith(faults.map(({ fault }) => fault)),
    facts: faults.flatMap(({ fault, origin }) => told(fault).map((fact) => ({ ...fact, origin }))),
    ...(certain === undefined || status === undefined ? {} : { aborted: { status, origin: certain.origin } }),
  };
}

/** By certificate every rule that fits adds its faults; by tags the last entry that fits is all that holds. */
function rulesFor(plan: FaultPlan, { certificate, tags }: KnownCaller) {
  if (plan.model === "matches") {
    const fits = (match: Parameters<typeof matchesCaller>[0]): boolean =>
      certificate !== undefined && matchesCaller(match, certificate);
    return rulesMet(plan.rules, fits);
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

/** Whether a fact is about a fault that slows requests and lets them through. */
export function isSlowdown({ name }: Fact): boolean {
  return name === "fault.delay" || name === "fault.bandwidth";
}

/** Each fault throws its own dice: first for the delay, then for the abort, which ends the request. */
function attemptsWith(faults: readonly Fault[]): readonly Attempt[] {
  const ended: Attempt[] = [];
  let going: readonly Attempt[] = [{ share: 100 }];
  for (const { delay, abort } of faults) {
    if (delay !== undefined) {
      const [waiting, others] = split(going, intOrStringValue(delay.percentage));
      const more = durationMs(delay.value);
      going = merged([
        ...waiting.map((each) => ({ ...each, delayMs: (each.delayMs ?? 0) + more })),
        ...others,
      ]);
    }
    if (abort === undefined) continue;
    const [aborted, others] = split(going, intOrStringValue(abort.percentage));
    ended.push(...aborted.map((each) => ({ ...each, status: abort.httpStatus })));
    going = others;
  }
  return merged([...going, ...ended]);
}

function split(
  attempts: readonly Attempt[],
  percentage: number,
): readonly [readonly Attempt[], readonly Attempt[]] {
  const part = Math.min(Math.max(percentage / 100, 0), 1);
  const times = (factor: number) =>
    attempts.map((each) => ({ ...each, share: each.share * factor })).filter(({ share }) => share > 0);
  return [times(part), times(1 - part)];
}

function merged(attempts: readonly Attempt[]): readonly Attempt[] {
  const byEnd = Map.groupBy(attempts, ({ share: _, ...end }) => JSON.stringify(end));
  return [...byEnd.values()].flatMap((same) => {
    const [first] = same;
    return first === undefined ? [] : [{ ...first, share: same.reduce((sum, { share }) => sum + share, 0) }];
  });
}

function isAlways(percentage: number | string): boolean {
  return intOrStringValue(percentage) >= 100;
}
