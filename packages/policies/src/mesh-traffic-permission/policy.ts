import type { InboundInput, PolicyDefinition } from "../definition.ts";
import { fromRules, inboundRules } from "../engine/rules.ts";
import type { Origin } from "../plan/origin.ts";
import { authorization } from "./envoy.ts";
import { meshTrafficPermissionKind } from "./kind.ts";
import { leavingPermissions } from "./leaving.ts";
import { identityPermissions } from "./permissions.ts";
import type {
  IdentityPermissions,
  PermissionAction,
  PermissionPlan,
  PermissionRule,
  TagPermissions,
} from "./plan.ts";

/** Who may call: nobody, until a policy says so. */
export const meshTrafficPermission: PolicyDefinition<PermissionPlan, never, IdentityPermissions> = {
  kind: meshTrafficPermissionKind,
  order: 1100,
  planInbound,
  /** What a proxy may call outside the mesh; it matters where the mesh forbids that by default. */
  planProxy: ({ policies }) => leavingPermissions(policies),
  translateInbound(plan, draft) {
    if (plan !== undefined) authorization(plan, draft);
  },
  origins: rulesOrigins,
};

function rulesOrigins(plan: PermissionPlan): readonly Origin[] {
  if (plan.model === "either") return [...rulesOrigins(plan.tags), ...rulesOrigins(plan.identity)];
  const rules =
    plan.model === "tags" ? plan.entries : [...plan.deny, ...plan.allowWithShadowDeny, ...plan.allow];
  return rules.map(({ origin }) => origin);
}

/**
 * A proxy without an identity has nobody to recognise, so there is nothing to decide. By SPIFFE id only `rules` count;
 * by tags `from` counts, until the first policy with `rules` selects the inbound.
 */
function planInbound({ policies, mesh, callers }: InboundInput): PermissionPlan | undefined {
  if (callers === undefined) return undefined;
  const rules = inboundRules(policies, "mtp", false);
  const identity = identityPermissions(policies);
  if (callers === "identity") return identity;
  const tags: TagPermissions = {
    model: "tags",
    mesh,
    entries: fromRules(policies, "mtp").map(({ target, conf, origin }) => ({
      target,
      action: (conf as { action: PermissionAction }).action,
      origin,
    })),
  };
  if (callers === "either") return { model: "either", tags, identity: byCertificateAlone(identity) };
  if (rules.length === 0) return tags;
  return { model: "either", tags: { ...tags, entries: [] }, identity: byCertificateAlone(identity) };
}

function byCertificateAlone(permissions: IdentityPermissions): IdentityPermissions {
  const anyName = (rules: readonly PermissionRule[]) =>
    rules.map((rule) => ({ ...rule, matches: rule.matches.filter(({ sni }) => sni === undefined) }));
  return {
    model: "identity",
    deny: permissions.deny.map((rule) => ({
      ...rule,
      matches: rule.matches.map(({ sni: _, ...match }) => match),
    })),
    allowWithShadowDeny: anyName(permissions.allowWithShadowDeny),
    allow: anyName(permissions.allow),
  };
}
