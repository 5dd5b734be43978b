import { type Finding, finding } from "./finding.ts";
import { type Candidate, contributing, type Place, ruleKey } from "./places.ts";

/** SK0102: rules of which nothing is left at any place that they are about. */
export function shadowedRules(places: readonly Place[]): readonly Finding[] {
  const seen = new Map<string, { readonly candidate: Candidate; readonly winners: Set<string> }>();
  const alive = new Set<string>();
  for (const place of places) {
    const winners = contributing(place);
    if (winners.size === 0) continue;
    for (const candidate of place.candidates) {
      const key = ruleKey(candidate.origin);
      if (winners.has(key)) alive.add(key);
      const entry = seen.get(key) ?? { candidate, winners: new Set() };
      for (const winner of winners) if (winner !== key) entry.winners.add(winner);
      seen.set(key, entry);
    }
  }
  return [...seen]
    .filter(([key]) => !alive.has(key))
    .map(([, { candidate, winners }]) =>
      finding(
        "SK0102",
        candidate.policy,
        `spec.${candidate.origin.rule}`,
        `no field of it is left anywhere: ${[...winners].sort().join(", ")} set${winners.size === 1 ? "s" : ""} them all`,
      ),
    );
}
