import { sortedMatches, subsumes } from "../engine/by-caller.ts";
import type { CallerMatch } from "../engine/policy-resource.ts";
import type { FaultsByMatch } from "./plan.ts";

type Rule = FaultsByMatch["rules"][number];

/**
 * The rules that a caller meets, in the order in which its requests do: those with the most specific match first, of equal
 * ones the lowest precedence, and last those for everybody. `fits` says whether a match is about the caller.
 */
export function rulesMet(rules: readonly Rule[], fits: (match: CallerMatch) => boolean): readonly Rule[] {
  const order = sortedMatches(rules.flatMap(({ callers }) => callers));
  const place = (matches: readonly CallerMatch[]): number | undefined => {
    if (matches.length === 0) return order.length;
    const index = order.findIndex((match) => fits(match) && matches.some((own) => isSame(own, match)));
    return index === -1 ? undefined : index;
  };
  return rules
    .flatMap((rule) => {
      const at = place(rule.callers);
      return at === undefined ? [] : [{ at, rule }];
    })
    .sort((a, b) => a.at - b.at)
    .map(({ rule }) => rule);
}

function isSame(a: CallerMatch, b: CallerMatch): boolean {
  return subsumes(a, b) && subsumes(b, a);
}
