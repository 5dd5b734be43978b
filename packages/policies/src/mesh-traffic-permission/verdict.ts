import { matchesSpiffeId } from "@skein/model";
import type { CallerMatch, TargetRef } from "../engine/policy-resource.ts";
import type { Origin } from "../plan/origin.ts";
import type { PermissionPlan, PermissionRule } from "./plan.ts";

/** A caller as its certificate shows it. */
export interface Caller {
  /** All URIs of the certificate. */
  readonly uris: readonly string[];
  /** The server name it asked for. */
  readonly sni: string | undefined;
}

export interface Verdict {
  readonly allowed: boolean;
  /** The rule that decided; absent where nothing matched and the default did. */
  readonly origin: Origin | undefined;
  /** A rule in shadow mode would refuse this caller. */
  readonly shadowDenied: boolean;
}

/** What the proxy of an inbound would answer this caller: the same decision that Envoy takes, from the same plan. */
export function verdict(plan: PermissionPlan, caller: Caller): Verdict {
  if (plan.model === "either") {
    const denied = firstRule(plan.identity.deny, caller, true);
    if (denied !== undefined) return { allowed: false, origin: denied.origin, shadowDenied: false };
    const byTags = verdict(plan.tags, caller);
    const { allowed, origin } = byTags.allowed ? byTags : verdict(plan.identity, caller);
    return { allowed, origin, shadowDenied: false };
  }
  if (plan.model === "tags") {
    const entry = plan.entries.findLast(({ target }) => coversTags(target, plan.mesh, caller));
    return {
      allowed: entry !== undefined && entry.action !== "Deny",
      origin: entry?.origin,
      shadowDenied: entry?.action === "AllowWithShadowDeny",
    };
  }
  const first = (rules: readonly PermissionRule[]) => firstRule(rules, caller, false);
  const denied = first(plan.deny);
  const shadow = first(plan.allowWithShadowDeny);
  if (denied !== undefined) return { allowed: false, origin: denied.origin, shadowDenied: false };
  const allowed = first(plan.allow) ?? shadow;
  return { allowed: allowed !== undefined, origin: allowed?.origin, shadowDenied: shadow !== undefined };
}

/** `everybody`: what a match without any condition means. */
function firstRule(
  rules: readonly PermissionRule[],
  caller: Caller,
  everybody: boolean,
): PermissionRule | undefined {
  return rules.find((rule) =>
    rule.matches.some((match) => (isEmpty(match) ? everybody : matchesCaller(match, caller))),
  );
}

function isEmpty({ spiffeID, sni }: CallerMatch): boolean {
  return spiffeID === undefined && sni === undefined;
}

/** Whether a caller is one of those that a match is about; a match without a condition is everybody. */
export function matchesCaller(match: CallerMatch, caller: Caller): boolean {
  const { spiffeID, sni } = match;
  if (spiffeID !== undefined && !caller.uris.some((uri) => matchesSpiffeId(spiffeID, uri))) return false;
  return sni === undefined || sni.value === caller.sni;
}

function coversTags(target: TargetRef, mesh: string, caller: Caller): boolean {
  return tagUris(target, mesh).every((uri) => caller.uris.includes(uri));
}

/** The URIs that a caller with these tags carries in a certificate of the mesh's own CA. */
export function tagUris(target: TargetRef, mesh: string): readonly string[] {
  const tags: Record<string, string> = { ...target.tags };
  if ((target.kind === "MeshService" || target.kind === "MeshServiceSubset") && target.name !== undefined) {
    tags["kuma.io/service"] = target.name;
  }
  return Object.entries(tags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) =>
      key === "kuma.io/service" ? `spiffe://${mesh}/${value}` : `kuma://${key}/${value}`,
    );
}
