import { matchesSpiffeId } from "@skein/model";
import type { SpiffeMatch } from "../engine/policy-resource.ts";
import type { IdentityPermissions, PermissionPlan, TagPermissions } from "./plan.ts";
import { tagUris } from "./verdict.ts";

/**
 * The SPIFFE ids of which a caller needs one to have any chance of being let in; `undefined` where that does not depend on its
 * id alone. A TLS handshake can ask for so much before a byte of the application is sent; what it cannot decide is left
 * to the filter behind it: server names, and denies of some of those that an allow is about.
 */
export function admittedIds(plan: PermissionPlan): readonly SpiffeMatch[] | undefined {
  switch (plan.model) {
    case "identity":
      return ofRules(plan);
    case "tags":
      return ofTags(plan);
    case "either": {
      const [tags, rules] = [ofTags(plan.tags), ofRules(plan.identity)];
      return tags && rules && notDenied([...tags, ...rules], plan.identity);
    }
  }
}

function ofRules(plan: IdentityPermissions): readonly SpiffeMatch[] | undefined {
  const ids: SpiffeMatch[] = [];
  for (const { matches } of [...plan.allow, ...plan.allowWithShadowDeny]) {
    for (const { spiffeID, sni } of matches) {
      if (spiffeID !== undefined) ids.push(spiffeID);
      else if (sni !== undefined) return undefined;
    }
  }
  return notDenied(ids, plan);
}

/** Of certificates of the mesh's own CA only the service is a SPIFFE id. */
function ofTags({ entries, mesh }: TagPermissions): readonly SpiffeMatch[] | undefined {
  const ids: SpiffeMatch[] = [];
  for (const { target, action } of entries) {
    if (action === "Deny") continue;
    const value = tagUris(target, mesh).find((uri) => uri.startsWith("spiffe://"));
    if (value === undefined) return undefined;
    ids.push({ type: "Exact", value });
  }
  return ids;
}

function notDenied(ids: readonly SpiffeMatch[], { deny }: IdentityPermissions): readonly SpiffeMatch[] {
  const denied = deny.flatMap(({ matches }) =>
    matches.flatMap(({ spiffeID, sni }) => (sni === undefined && spiffeID !== undefined ? [spiffeID] : [])),
  );
  return ids.filter((id) => !denied.some((each) => covers(each, id)));
}

function covers(wide: SpiffeMatch, narrow: SpiffeMatch): boolean {
  if (wide.type === "Exact") return narrow.type === "Exact" && narrow.value === wide.value;
  return matchesSpiffeId(wide, narrow.value);
}
