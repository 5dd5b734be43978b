import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import {
  ActionSchema,
  PermissionSchema,
  PolicySchema,
  type Principal,
  Principal_AuthenticatedSchema,
  Principal_SetSchema,
  PrincipalSchema,
  type RBAC,
  RBAC_Action,
  RBACSchema,
} from "@skein/envoy-api/envoy/config/rbac/v3/rbac_pb";
import { RBACSchema as HttpRbacSchema } from "@skein/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb";
import { RBACSchema as NetworkRbacSchema } from "@skein/envoy-api/envoy/extensions/filters/network/rbac/v3/rbac_pb";
import { StringMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";
import { TypedExtensionConfigSchema } from "@skein/envoy-api/xds/core/v3/extension_pb";
import {
  Matcher_MatcherList_FieldMatcherSchema as FieldMatcherSchema,
  type Matcher,
  Matcher_MatcherListSchema as MatcherListSchema,
  MatcherSchema,
  type Matcher_OnMatch as OnMatch,
  Matcher_OnMatchSchema as OnMatchSchema,
} from "@skein/envoy-api/xds/type/matcher/v3/matcher_pb";
import { belowSpiffeId } from "@skein/model";
import type { InboundDraft } from "../draft.ts";
import { anyOf } from "../engine/caller-matcher.ts";
import type { CallerMatch } from "../engine/policy-resource.ts";
import { admittedIds } from "./admission.ts";
import type {
  EitherPermissions,
  IdentityPermissions,
  PermissionPlan,
  PermissionRule,
  TagPermissions,
} from "./plan.ts";
import { tagUris } from "./verdict.ts";

interface RbacConfig {
  readonly rules?: RBAC;
  readonly shadowRules?: RBAC;
  readonly matcher?: Matcher;
  readonly shadowMatcher?: Matcher;
}

/**
 * Puts the decision in front of the application: per request for HTTP, per connection for the rest. The filter for connections
 * decides on the caller's first bytes, and a server may speak before: so the handshake keeps out whoever has no chance.
 */
export function authorization(plan: PermissionPlan, draft: InboundDraft): void {
  const config = rbac(plan);
  if (draft.hcm === undefined) draft.admittedIds = admittedIds(plan);
  draft.authorization =
    draft.hcm === undefined
      ? {
          network: create(FilterSchema, {
            name: "envoy.filters.network.rbac",
            configType: {
              case: "typedConfig",
              value: anyPack(
                NetworkRbacSchema,
                create(NetworkRbacSchema, { ...config, statPrefix: `${draft.statPrefix}.` }),
              ),
            },
          }),
        }
      : { http: create(HttpRbacSchema, config) };
}

function rbac(plan: PermissionPlan): RbacConfig {
  switch (plan.model) {
    case "tags":
      return byTags(plan);
    case "identity":
      return byIdentity(plan);
    case "either":
      return { rules: allowOnly(eitherPrincipal(plan)) };
  }
}

function byIdentity({ deny, allow, allowWithShadowDeny }: IdentityPermissions): RbacConfig {
  const matcher = firstMatch(
    [
      ...deny.map((rule) => ({ rule, action: RBAC_Action.DENY })),
      ...[...allow, ...allowWithShadowDeny].map((rule) => ({ rule, action: RBAC_Action.ALLOW })),
    ],
    RBAC_Action.DENY,
  );
  if (allowWithShadowDeny.length === 0) return { matcher };
  return {
    matcher,
    shadowMatcher: firstMatch(
      allowWithShadowDeny.map((rule) => ({ rule, action: RBAC_Action.DENY })),
      RBAC_Action.ALLOW,
    ),
  };
}

function firstMatch(
  rules: readonly { readonly rule: PermissionRule; readonly action: RBAC_Action }[],
  otherwise: RBAC_Action,
): Matcher {
  const matchers = rules.flatMap(({ rule, action }) => {
    const predicate = anyOf(rule.matches);
    if (predicate === undefined) return [];
    return [create(FieldMatcherSchema, { predicate, onMatch: act(rule.origin.policy, action) })];
  });
  const onNoMatch = act("default", otherwise);
  if (matchers.length === 0) return create(MatcherSchema, { onNoMatch });
  return create(MatcherSchema, {
    matcherType: { case: "matcherList", value: create(MatcherListSchema, { matchers }) },
    onNoMatch,
  });
}

function act(name: string, action: RBAC_Action): OnMatch {
  return create(OnMatchSchema, {
    onMatch: {
      case: "action",
      value: create(TypedExtensionConfigSchema, {
        name: "envoy.filters.rbac.action",
        typedConfig: anyPack(ActionSchema, create(ActionSchema, { name, action })),
      }),
    },
  });
}

/**
 * Certificates of the mesh's own CA carry several URIs, which only principals can look into. "The last entry that
 * covers the caller decides" becomes one nested expression, so no subsets have to be enumerated.
 */
function byTags(plan: TagPermissions): RbacConfig {
  const rules = allowOnly(tagPrincipal(plan, notDenied));
  const shadow = plan.entries.some(({ action }) => action === "AllowWithShadowDeny");
  if (!shadow) return { rules };
  return { rules, shadowRules: allowOnly(tagPrincipal(plan, ({ action }) => action === "Allow")) };
}

type TagEntry = TagPermissions["entries"][number];

const notDenied = ({ action }: TagEntry): boolean => action !== "Deny";

function tagPrincipal(plan: TagPermissions, lets: (entry: TagEntry) => boolean): Principal | undefined {
  let principal: Principal | undefined;
  for (const entry of plan.entries) {
    const covered = coveredBy(tagUris(entry.target, plan.mesh));
    if (lets(entry)) principal = covered === undefined ? any() : oneOf(covered, principal);
    else
      principal = covered === undefined || principal === undefined ? undefined : and(not(covered), principal);
  }
  return principal;
}

function eitherPrincipal({ tags, identity }: EitherPermissions): Principal | undefined {
  const { allow, allowWithShadowDeny, deny } = identity;
  const allowed = oneOf(
    tagPrincipal(tags, notDenied),
    ...[...allow, ...allowWithShadowDeny].map(rulePrincipal),
  );
  const denied = oneOf(...deny.map(rulePrincipal));
  return allowed === undefined || denied === undefined ? allowed : and(not(denied), allowed);
}

function rulePrincipal({ matches }: PermissionRule): Principal | undefined {
  return oneOf(...matches.map(matchPrincipal));
}

/** A match without a condition is everybody: only a deny for any server name comes to that. */
function matchPrincipal({ spiffeID }: CallerMatch): Principal {
  if (spiffeID === undefined) return any();
  if (spiffeID.type === "Exact") return named("exact", spiffeID.value);
  return or(named("exact", spiffeID.value), named("prefix", belowSpiffeId(spiffeID.value)));
}

function allowOnly(principal: Principal | undefined): RBAC {
  if (principal === undefined) return create(RBACSchema, { action: RBAC_Action.ALLOW });
  return create(RBACSchema, {
    action: RBAC_Action.ALLOW,
    policies: {
      MeshTrafficPermission: create(PolicySchema, {
        permissions: [create(PermissionSchema, { rule: { case: "any", value: true } })],
        principals: [principal],
      }),
    },
  });
}

function coveredBy(uris: readonly string[]): Principal | undefined {
  const principals = uris.map((uri) => named("exact", uri));
  return principals.length < 2 ? principals[0] : and(...principals);
}

function named(kind: "exact" | "prefix", value: string): Principal {
  return create(PrincipalSchema, {
    identifier: {
      case: "authenticated",
      value: create(Principal_AuthenticatedSchema, {
        principalName: create(StringMatcherSchema, { matchPattern: { case: kind, value } }),
      }),
    },
  });
}

function oneOf(...candidates: readonly (Principal | undefined)[]): Principal | undefined {
  const ids = candidates.filter((candidate) => candidate !== undefined);
  return ids.length < 2 ? ids[0] : or(...ids);
}

const any = (): Principal => create(PrincipalSchema, { identifier: { case: "any", value: true } });
const not = (value: Principal): Principal =>
  create(PrincipalSchema, { identifier: { case: "notId", value } });
const and = (...ids: Principal[]): Principal =>
  create(PrincipalSchema, { identifier: { case: "andIds", value: create(Principal_SetSchema, { ids }) } });
const or = (...ids: Principal[]): Principal =>
  create(PrincipalSchema, { identifier: { case: "orIds", value: create(Principal_SetSchema, { ids }) } });
