import { matchesSpiffeId } from "@skein/model";
import fc from "fast-check";
import type { CallerMatch } from "../engine/policy-resource.ts";

/* Callers and matches that often have to do with each other. */

/** Somebody who has shown a certificate and asked for a name. */
export interface IdentifiedCaller {
  readonly uri: string;
  readonly sni: string | undefined;
}

const SERVER_NAMES = ["x.mesh", "y.mesh"] as const;

const segment = fc.constantFrom("a", "ab", "b");
const spiffeId = fc
  .tuple(fc.constantFrom("td", "td.other"), fc.array(segment, { maxLength: 2 }))
  .map(([domain, path]) => [`spiffe://${domain}`, ...path].join("/"));
const byId = fc
  .tuple(fc.constantFrom("Exact" as const, "Prefix" as const), spiffeId)
  .map(([type, value]): CallerMatch => ({ spiffeID: { type, value } }));
const byName: fc.Arbitrary<CallerMatch> = fc
  .constantFrom(...SERVER_NAMES)
  .map((value) => ({ sni: { type: "Exact", value } }));

/** A match by id, by server name or by both. */
export const callerMatch: fc.Arbitrary<CallerMatch> = fc.oneof(
  byId,
  byName,
  fc.tuple(byId, byName).map(([one, other]) => ({ ...one, ...other })),
);

/** A caller with an id, and perhaps with a server name. */
export const identifiedCaller: fc.Arbitrary<IdentifiedCaller> = fc.record({
  uri: spiffeId,
  sni: fc.option(fc.constantFrom(...SERVER_NAMES), { nil: undefined }),
});

/** Whether a caller fits a match. */
export function covers({ spiffeID, sni }: CallerMatch, caller: IdentifiedCaller): boolean {
  if (spiffeID !== undefined && !matchesSpiffeId(spiffeID, caller.uri)) return false;
  return sni === undefined || sni.value === caller.sni;
}
