import { type Origin, type PolicyResource, policyKri } from "@skein/policies";
import { outboundEntries } from "@skein/policies/engine/rules";
import { covers } from "@skein/policies/mesh-http-route/covers";
import { matchText } from "@skein/policies/mesh-http-route/match-text";
import type { HttpRoutesPlan } from "@skein/policies/mesh-http-route/plan";
import { meshHttpRoute } from "@skein/policies/mesh-http-route/policy";
import { deadReferences, missingRoutes } from "../pipeline/route-warnings.ts";
import { type Finding, finding } from "./finding.ts";
import { ruleKey } from "./places.ts";
import type { Scope } from "./scope.ts";

/** SK0204: shares and copies that nobody gets. */
export function routesToNothing({ policies, callables, dataplanes }: Scope): readonly Finding[] {
  return policies.flatMap((policy) =>
    deadReferences(policy, callables, dataplanes).map(({ path, problem }) =>
      finding("SK0204", policy, path, `${problem}, so nothing is sent there`),
    ),
  );
}

/** SK0205: rules about routes that are not there. */
export function missingRouteTargets({ policies }: Scope): readonly Finding[] {
  const routes = policies.filter(({ type }) => type === meshHttpRoute.kind.type);
  return policies.flatMap((policy) =>
    missingRoutes(policy, routes).map(({ path, problem }) =>
      finding("SK0205", policy, path, `${problem}, so this has no effect`),
    ),
  );
}

/** SK0104: rules of MeshHTTPRoutes that take no request at any destination, because others come before them. */
export function unreachedRules(scope: Scope): readonly Finding[] {
  const alive = new Set<string>();
  const hidden = new Map<
    string,
    { readonly policy: PolicyResource; readonly path: string; readonly why: string }
  >();
  const done = new Set<HttpRoutesPlan>();
  for (const [name, plan] of scope.plans) {
    const own = scope.mesh.index.policies.at(name).get().outbound.byKind.get(meshHttpRoute.kind.type) ?? [];
    for (const { upstream } of plan.outbounds) {
      const entry = upstream.policies[meshHttpRoute.kind.type] as HttpRoutesPlan | undefined;
      if (entry === undefined || done.has(entry)) continue;
      done.add(entry);
      const { reached, covered } = judged(entry);
      for (const key of reached) alive.add(key);
      for (const { policy, conf, index } of outboundEntries(own, upstream.destination)) {
        for (const i of (conf as readonly unknown[]).keys()) {
          const path = `to[${index}].rules[${i}]`;
          const key = ruleKey({ policy: policyKri(policy, meshHttpRoute.kind.shortName ?? ""), rule: path });
          const why =
            covered.get(key) ?? "rules with the same matches and a higher precedence set all that it sets";
          if (!reached.has(key)) hidden.set(key, { policy, path, why });
        }
      }
    }
  }
  return [...hidden]
    .filter(([key]) => !alive.has(key))
    .map(([, { policy, path, why }]) => finding("SK0104", policy, `spec.${path}`, why));
}

/** The rules of which something takes requests, and for those of which nothing does, what comes before them. */
function judged({ routes }: HttpRoutesPlan) {
  const reached = new Set<string>();
  const covered = new Map<string, string>();
  for (const [i, { match, origin, origins }] of routes.entries()) {
    const before = routes.slice(0, i).find((other) => covers(other.match, match));
    const keys = [origin, ...Object.values(origins)].map(ruleKey);
    if (before === undefined) for (const key of keys) reached.add(key);
    else for (const key of keys) covered.set(key, reasonOf(before.match, before.origin));
  }
  return { reached, covered };
}

function reasonOf(match: HttpRoutesPlan["routes"][number]["match"], { policy, rule }: Origin): string {
  return `no request gets this far: ${matchText(match)} of ${policy} ${rule} comes before it and takes them all`;
}
