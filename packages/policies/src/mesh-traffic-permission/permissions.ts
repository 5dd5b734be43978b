import type { CallerMatch, PolicyResource } from "../engine/policy-resource.ts";
import { inboundRules } from "../engine/rules.ts";
import type { IdentityPermissions, PermissionRule } from "./plan.ts";

/** `default` of a rule. */
interface RuleConf {
  readonly deny?: readonly CallerMatch[];
  readonly allowWithShadowDeny?: readonly CallerMatch[];
  readonly allow?: readonly CallerMatch[];
}

/** What the `rules` of policies say of callers by their certificate and the server name they asked for. */
export function identityPermissions(policies: readonly PolicyResource[]): IdentityPermissions {
  const rules = inboundRules(policies, "mtp", false);
  const list = (key: keyof RuleConf): PermissionRule[] =>
    rules.flatMap(({ conf, origin }) => {
      const matches = (conf as RuleConf | undefined)?.[key] ?? [];
      return matches.length === 0 ? [] : [{ matches, origin }];
    });
  return {
    model: "identity",
    deny: list("deny"),
    allowWithShadowDeny: list("allowWithShadowDeny"),
    allow: list("allow"),
  };
}
