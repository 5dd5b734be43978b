import { type Origin, type PermissionPlan, policyKri } from "@skein/policies";
import { subsumes } from "@skein/policies/engine/by-caller";
import type { IdentityPermissions } from "@skein/policies/mesh-traffic-permission/plan";
import { meshTrafficPermission } from "@skein/policies/mesh-traffic-permission/policy";
import { calledParts } from "../plan/serving.ts";
import { type Finding, finding } from "./finding.ts";
import { ruleKey } from "./places.ts";
import type { Scope } from "./scope.ts";

/** SK0102: allows of which every caller is denied at every inbound that they are about. */
export function hiddenPermissions({ plans, policies }: Scope): readonly Finding[] {
  const { type, shortName = "" } = meshTrafficPermission.kind;
  const byKri = new Map(
    policies.filter((policy) => policy.type === type).map((policy) => [policyKri(policy, shortName), policy]),
  );
  const alive = new Set<string>();
  const hidden = new Map<string, { readonly origin: Origin; readonly by: Origin }>();
  for (const plan of plans.values()) {
    for (const { shared } of calledParts(plan)) {
      const identity = identityPart(shared.policies[type] as PermissionPlan | undefined);
      if (identity === undefined) continue;
      for (const { origin, by } of allows(identity)) {
        if (by === undefined) alive.add(ruleKey(origin));
        else hidden.set(ruleKey(origin), { origin, by });
      }
    }
  }
  return [...hidden].flatMap(([key, { origin, by }]): readonly Finding[] => {
    const policy = byKri.get(origin.policy);
    if (alive.has(key) || policy === undefined) return [];
    const message = `all that it allows is denied: ${ruleKey(by)} denies the same callers, and no allow outweighs a deny`;
    return [finding("SK0102", policy, `spec.${origin.rule}`, message)];
  });
}

function identityPart(plan: PermissionPlan | undefined): IdentityPermissions | undefined {
  if (plan?.model === "either") return plan.identity;
  return plan?.model === "identity" ? plan : undefined;
}

/** Each allow, with a deny of its callers where all of them are denied. A match without a condition is nobody here. */
function allows({ allow, allowWithShadowDeny, deny }: IdentityPermissions) {
  const denied = deny.flatMap(({ matches, origin }) =>
    matches
      .filter(({ spiffeID, sni }) => spiffeID !== undefined || sni !== undefined)
      .map((match) => ({ match, origin })),
  );
  return [...allow, ...allowWithShadowDeny].map(({ matches, origin }) => {
    const denials = matches.map((own) => denied.find(({ match }) => subsumes(match, own))?.origin);
    return { origin, by: denials.includes(undefined) ? undefined : denials[0] };
  });
}
