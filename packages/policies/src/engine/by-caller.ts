import type { Merged } from "../plan/origin.ts";
import { merge } from "./merge.ts";
import type { CallerMatch } from "./policy-resource.ts";
import type { InboundRule } from "./rules.ts";

/** What holds for every caller, and for those callers for whom some rule says otherwise. */
export interface ByCaller<Conf> extends Merged<Conf> {
  /** From the most to the least specific: the first that fits a caller is all that holds for it. */
  readonly callers?: readonly ({ readonly match: CallerMatch } & Merged<Conf>)[];
}

/**
 * Merges the rules of an inbound, given from lowest to highest precedence. For each match that a rule names, and for those
 * who fit an id in one and a server name in another, every rule about all these callers is merged, the broadest first;
 * rules for everybody come before them.
 */
export function byCaller<Conf>(rules: readonly InboundRule[]): ByCaller<Conf> | undefined {
  if (rules.length === 0) return undefined;
  const common = rules.filter(({ matches }) => matches.length === 0);
  const special = rules.flatMap((rule) => rule.matches.map((match) => ({ match, rule })));
  const callers = callerGroups(special.map(({ match }) => match)).map((match) => {
    const narrower = special
      .filter((each) => subsumes(each.match, match))
      // Sorting is stable: rules with equal matches keep their precedence.
      .sort((a, b) => compareMatches(b.match, a.match))
      .map(({ rule }) => rule);
    return { match, ...(merge<Conf>([...common, ...narrower]) as Merged<Conf>) };
  });
  const base = merge<Conf>(common) ?? { conf: {} as Conf, origins: {} };
  return callers.length === 0 ? base : { ...base, callers };
}

/** What holds for the callers of a match, which some other policy may have named; for everybody without one. */
export function forCallers<Conf>(
  plan: ByCaller<Conf> | undefined,
  match: CallerMatch | undefined,
): Merged<Conf> | undefined {
  if (plan === undefined || match === undefined) return plan;
  return plan.callers?.find((each) => subsumes(each.match, match)) ?? plan;
}

/** The matches, each once, from the most to the least specific. */
export function sortedMatches(matches: readonly CallerMatch[]): readonly CallerMatch[] {
  const unique = new Map(matches.map((match) => [keyOf(match), match]));
  return [...unique.values()].sort((a, b) => compareMatches(a, b) || (keyOf(a) < keyOf(b) ? -1 : 1));
}

/**
 * The matches, and what an id in one and a server name in another have in common: a caller who fits both finds a route
 * that knows of both. Ids are nested or apart, so pairs are enough. Sorted from the most to the least specific.
 */
export function callerGroups(matches: readonly CallerMatch[]): readonly CallerMatch[] {
  const named = matches.filter(({ sni }) => sni !== undefined);
  const common = matches.flatMap((match) =>
    match.sni !== undefined
      ? []
      : named
          .filter(({ spiffeID }) => subsumes({ spiffeID }, match))
          .map(({ sni }): CallerMatch => ({ ...match, sni })),
  );
  return sortedMatches([...matches, ...common]);
}

/** Whether every caller of `narrow` is one of `broad`. */
export function subsumes(broad: CallerMatch, narrow: CallerMatch): boolean {
  if (broad.sni !== undefined && broad.sni.value !== narrow.sni?.value) return false;
  if (broad.spiffeID === undefined) return true;
  if (narrow.spiffeID === undefined) return false;
  const { type, value } = broad.spiffeID;
  if (type === "Exact") return narrow.spiffeID.type === "Exact" && narrow.spiffeID.value === value;
  return narrow.spiffeID.value === value || narrow.spiffeID.value.startsWith(`${value}/`);
}

/** The more specific first: an exact id, then longer prefixes, then a server name alone. */
function compareMatches(a: CallerMatch, b: CallerMatch): number {
  return (
    rank(b) - rank(a) ||
    (b.spiffeID?.value.length ?? 0) - (a.spiffeID?.value.length ?? 0) ||
    Number(b.sni !== undefined) - Number(a.sni !== undefined)
  );
}

function rank({ spiffeID }: CallerMatch): number {
  return spiffeID === undefined ? 0 : spiffeID.type === "Exact" ? 2 : 1;
}

/** The callers that an entry treats apart. */
export function callersOf<Conf>({ callers }: ByCaller<Conf>): readonly CallerMatch[] {
  return callers?.map(({ match }) => match) ?? [];
}

/** Origins of all that is in an entry, whoever it is for. */
export function byCallerOrigins<Conf>(plan: ByCaller<Conf>) {
  return [plan, ...(plan.callers ?? [])].flatMap(({ origins }) => Object.values(origins));
}

function keyOf({ spiffeID, sni }: CallerMatch): string {
  return `${spiffeID?.type ?? ""} ${spiffeID?.value ?? ""} ${sni?.value ?? ""}`;
}
