import { displayName } from "@skein/model";
import type { PolicyResource, TargetRef } from "@skein/policies";
import { compareTo, compareTop } from "@skein/policies/engine/order";
import { defaultPolicyNames } from "../defaults/default-policies.ts";
import { factsOf } from "../explain/facts.ts";
import { getOrMake } from "../get-or-make.ts";
import { type Finding, finding } from "./finding.ts";
import type { Candidate, Place } from "./places.ts";

/**
 * SK0103: two policies of the same precedence that set one field to different values. That a policy wins over one that
 * its mesh started with is what it was written for; that it loses against one is not.
 */
export function* conflicts(places: readonly Place[]): Generator<undefined, readonly Finding[]> {
  const found = new Map<string, Finding>();
  const compared = new WeakMap<object, WeakSet<object>>();
  for (const { candidates, entry, name } of places) {
    yield;
    if (entry?.origins === undefined) continue;
    for (const [i, a] of candidates.entries()) {
      for (const b of candidates.slice(i + 1)) {
        // Two rules conflict wherever they meet, so they are compared once.
        if (a.policy === b.policy || !isFirst(compared, Object(a.conf), Object(b.conf))) continue;
        const [winner, loser] = displayName(a.policy) < displayName(b.policy) ? [a, b] : [b, a];
        const key = `${loser.origin.policy} ${winner.origin.policy}`;
        if (found.has(key) || isMeshDefault(loser) || !isEqual(a, b)) continue;
        const fields = differing(a, b);
        if (fields.length === 0) continue;
        const values = fields.map(([field, [first, second]]) => {
          const [kept, lost] = winner === a ? [first, second] : [second, first];
          return `${field} is ${kept} there and ${lost} here`;
        });
        found.set(
          key,
          finding(
            "SK0103",
            loser.policy,
            `spec.${loser.origin.rule}`,
            `${winner.policy.type} "${winner.policy.name}" has the same precedence and wins by its name (${name}): ${values.join(", ")}`,
          ),
        );
      }
    }
  }
  return [...found.values()];
}

function isMeshDefault({ policy }: Candidate): boolean {
  return defaultPolicyNames(policy.mesh).has(policy.name);
}

function isFirst(compared: WeakMap<object, WeakSet<object>>, a: object, b: object): boolean {
  const known = compared.get(a);
  if (known?.has(b)) return false;
  if (known === undefined) compared.set(a, new WeakSet([b]));
  else known.add(b);
  return true;
}

function isEqual(a: Candidate, b: Candidate): boolean {
  if (a.matches !== b.matches || compareTop(a.policy, b.policy) !== 0) return false;
  const [aTarget, bTarget] = [toTarget(a), toTarget(b)];
  if (aTarget === undefined || bTarget === undefined) return aTarget === bTarget;
  return compareTo(aTarget, bTarget) === 0;
}

function toTarget({ policy, origin }: Candidate): TargetRef | undefined {
  const [, index] = /^to\[(\d+)\]$/.exec(origin.rule) ?? [];
  const spec: PolicyResource["spec"] = policy.spec;
  return index === undefined ? undefined : spec.to?.[Number(index)]?.targetRef;
}

/** Fields that both set, to different values. Lists that are appended do not compete. */
function differing(a: Candidate, b: Candidate): readonly (readonly [string, readonly [string, string]])[] {
  const other = new Map(fieldsOf(b));
  return fieldsOf(a).flatMap(([name, value]) => {
    const there = other.get(name);
    const isAppended = /(^|\.)append[^.]*$/.test(name);
    return there === undefined || there === value || isAppended ? [] : [[name, [value, there]] as const];
  });
}

type Fields = readonly (readonly [string, string])[];
const fields = new WeakMap<object, Fields>();

/** The fields of a rule, remembered with its configuration: each is compared with many others. */
function fieldsOf({ conf }: Candidate): Fields {
  const key = Object(conf);
  return getOrMake(fields, key, () =>
    factsOf({ conf, origins: {} }).map(({ name, value }) => [name, value] as const),
  );
}
