import type { PolicyResource } from "../engine/policy-resource.ts";
import { identityPermissions } from "./permissions.ts";
import type { IdentityPermissions, PermissionRule } from "./plan.ts";
import { type Caller, verdict } from "./verdict.ts";

/** Server names of external services begin with this. */
const EXTERNAL = "sni.extsvc.";

/**
 * What these policies say of calls that leave the mesh, of callers themselves: an allow counts where it names the
 * external service by its `sni`, for one about everybody's services was not meant for the world; a deny counts always.
 * Undefined where no rule names an external service.
 */
export function leavingPermissions(policies: readonly PolicyResource[]): IdentityPermissions | undefined {
  const { deny, allow, allowWithShadowDeny } = identityPermissions(policies);
  if (![...deny, ...allow, ...allowWithShadowDeny].some((rule) => rule.matches.some(isExternal))) {
    return undefined;
  }
  return {
    model: "identity",
    deny,
    allow: external(allow),
    allowWithShadowDeny: external(allowWithShadowDeny),
  };
}

/** Whether a caller may call an external service where that is forbidden unless a rule allows it. */
export function mayLeave(policies: readonly PolicyResource[], caller: Caller): boolean {
  const permissions = leavingPermissions(policies);
  return permissions !== undefined && verdict(permissions, caller).allowed;
}

function external(rules: readonly PermissionRule[]): readonly PermissionRule[] {
  return rules.flatMap((rule) => {
    const matches = rule.matches.filter(isExternal);
    return matches.length === 0 ? [] : [{ ...rule, matches }];
  });
}

function isExternal({ sni }: PermissionRule["matches"][number]): boolean {
  return sni?.value.startsWith(EXTERNAL) ?? false;
}
