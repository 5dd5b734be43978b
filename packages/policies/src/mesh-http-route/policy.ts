import { displayName } from "@skein/model";
import type { BackendReference, OutboundInput, PolicyDefinition, RouteIdentity } from "../definition.ts";
import { backendReference } from "../engine/backends.ts";
import type { PolicyResource } from "../engine/policy-resource.ts";
import { outboundEntries, policyKri, type ToEntry } from "../engine/rules.ts";
import type { Origin } from "../plan/origin.ts";
import type { HttpRule } from "./conf.ts";
import { httpRoutes } from "./envoy.ts";
import { meshHttpRouteKind } from "./kind.ts";
import type { HttpRoutePlan, HttpRoutesPlan } from "./plan.ts";
import { compareMatches, takesAll } from "./precedence.ts";

const SHORT = "mhttpr";

/** Where requests go, and what is changed on the way. */
export const meshHttpRoute: PolicyDefinition<never, HttpRoutesPlan, never, never> = {
  kind: meshHttpRouteKind,
  order: 100,
  planOutbound,
  routes: ({ policies }) => policies,
  backendRefs: ({ references }) => references,
  translateOutbound(plan, draft) {
    if (plan !== undefined) httpRoutes(plan, draft);
  },
  shapes: ["route"],
  origins: ({ routes }) => routes.flatMap(({ origin, origins }) => [origin, ...Object.values(origins)]),
};

/** A rule where it stands. */
interface PlacedRule {
  readonly rule: HttpRule;
  readonly policy: PolicyResource;
  readonly kri: string;
  /** Place in its `to` entry. */
  readonly index: number;
  /** `to[0].rules[1]`. */
  readonly path: string;
}

function planOutbound({ policies, destination }: OutboundInput): HttpRoutesPlan | undefined {
  return destination.protocol === "tcp" ? undefined : mergedRoutes(outboundEntries(policies, destination));
}

/**
 * The routes that entries with rules ask for; `undefined` where there are no rules. Rules with the same matches are one:
 * of each field, the rule with the higher precedence wins. @param entries from lowest to highest precedence
 */
export function mergedRoutes(entries: readonly ToEntry[]): HttpRoutesPlan | undefined {
  const groups = new Map<string, PlacedRule[]>();
  for (const { policy, conf, index } of entries.toReversed()) {
    const kri = policyKri(policy, SHORT);
    for (const [i, rule] of ((conf ?? []) as readonly HttpRule[]).entries()) {
      const placed = { rule, policy, kri, index: i, path: `to[${index}].rules[${i}]` };
      const key = JSON.stringify(rule.matches);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [placed]);
      else group.push(placed);
    }
  }
  if (groups.size === 0) return undefined;
  const references = new Map<string, BackendReference>();
  const identities = new Map<string, RouteIdentity>();
  const routes: HttpRoutePlan[] = [];
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    identities.set(first.kri, routeIdentity(first.policy));
    const merged = mergedRule(group, references);
    for (const match of first.rule.matches) routes.push({ match, ...merged });
  }
  return {
    routes: routes.sort((a, b) => compareMatches(a.match, b.match)),
    isTotal: routes.some(({ match }) => takesAll(match)),
    policies: [...identities.values()],
    references: [...references.values()],
  };
}

/** `group` from the highest to the lowest precedence. */
function mergedRule(
  group: readonly PlacedRule[],
  references: Map<string, BackendReference>,
): Omit<HttpRoutePlan, "match"> {
  const [first] = group as readonly [PlacedRule];
  const refer = (placed: PlacedRule, path: string, ref: BackendReference["ref"]): BackendReference => {
    const reference = backendReference(placed.policy, placed.kri, `${placed.path}.default.${path}`, ref);
    references.set(reference.key, reference);
    return reference;
  };
  const withFilters = group.find(({ rule }) => rule.default.filters !== undefined);
  const withBackends = group.find(({ rule }) => (rule.default.backendRefs ?? []).length > 0);
  const filters = withFilters?.rule.default.filters ?? [];
  const mirrors: Record<number, string> = {};
  for (const [i, { requestMirror }] of filters.entries()) {
    if (requestMirror === undefined || withFilters === undefined) continue;
    mirrors[i] = refer(withFilters, `filters[${i}].requestMirror.backendRef`, requestMirror.backendRef).key;
  }
  return {
    name: `${first.kri}rule_${first.index}`,
    policy: first.kri,
    filters,
    mirrors,
    backends:
      withBackends &&
      (withBackends.rule.default.backendRefs ?? []).map((ref, i) => {
        const { key, origin } = refer(withBackends, `backendRefs[${i}]`, ref);
        return { key, weight: ref.weight, origin };
      }),
    origin: originOf(first),
    origins: {
      ...(withFilters === undefined ? {} : { filters: originOf(withFilters) }),
      ...(withBackends === undefined ? {} : { backendRefs: originOf(withBackends) }),
    },
  };
}

function originOf({ kri, path }: PlacedRule): Origin {
  return { policy: kri, rule: path };
}

/** A MeshHTTPRoute as other policies refer to it. */
export function routeIdentity(policy: PolicyResource): RouteIdentity {
  return {
    kind: "MeshHTTPRoute",
    kri: policyKri(policy, SHORT),
    name: policy.name,
    labels: { ...policy.labels, "kuma.io/display-name": displayName(policy) },
  };
}
