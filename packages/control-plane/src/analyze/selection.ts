import { displayName } from "@skein/model";
import { contains, select } from "@skein/policies";
import { defaultPolicyNames } from "../defaults/default-policies.ts";
import { matchingIdentities } from "../identity/selection.ts";
import { isCallableKind } from "../plan/callable.ts";
import { isBuiltinGateway } from "../view/gateways.ts";
import { selectable } from "../view/selectable.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

/** Policies that need to know who calls. */
const NEED_IDENTITY = new Set(["MeshTrafficPermission", "MeshTLS"]);

/** SK0101, SK0402: policies that select nothing, or only proxies on which they can do nothing. */
export function selectedByPolicies(scope: Scope): readonly Finding[] {
  const { dataplanes, gateways, policies, plans } = scope;
  if (dataplanes.length === 0) return [];
  const builtIn = defaultPolicyNames(scope.mesh.name);
  return policies.flatMap((policy): readonly Finding[] => {
    const chosen = dataplanes.filter(
      (dataplane) => select(policy, selectable(dataplane, gateways)).kind !== "none",
    );
    if (chosen.length === 0) {
      if (builtIn.has(policy.name)) return [];
      return [
        finding("SK0101", policy, "spec.targetRef", `it selects none of the ${dataplanes.length} dataplanes`),
      ];
    }
    if (!NEED_IDENTITY.has(policy.type)) return [];
    // Nobody of the mesh calls a gateway, so a permission has nothing to do there with or without an identity.
    const concerned = policy.type === "MeshTLS" ? chosen : chosen.filter((each) => !isBuiltinGateway(each));
    const without = concerned.filter(({ name }) => plans.get(name)?.identity === undefined);
    if (without.length === 0) return [];
    const names = without.map(({ name }) => name).join(", ");
    return [finding("SK0402", policy, "spec.targetRef", `it has no effect on ${names}: no identity there`)];
  });
}

/** SK0203: identities that nobody gets. */
export function selectedByIdentities({ identities, dataplanes }: Scope): readonly Finding[] {
  if (dataplanes.length === 0) return [];
  return identities
    .filter((identity) => !dataplanes.some(({ labels }) => matchingIdentities([identity], labels).length > 0))
    .map((identity) =>
      finding("SK0203", identity, "spec.selector", `it selects none of the ${dataplanes.length} dataplanes`),
    );
}

/** SK0201: rules about services that are not there. */
export function targetsOfRules({ policies, callables }: Scope): readonly Finding[] {
  return policies.flatMap((policy) =>
    (policy.spec.to ?? []).flatMap(({ targetRef }, i): readonly Finding[] => {
      const { kind } = targetRef;
      if (!isCallableKind(kind)) return [];
      const isThere = callables.some((each) => {
        const isNamed = [undefined, each.name, displayName(each)].includes(targetRef.name);
        return each.kind === kind && isNamed && contains(each.labels, targetRef.labels ?? {});
      });
      const what = targetRef.name ?? JSON.stringify(targetRef.labels ?? {});
      return isThere
        ? []
        : [finding("SK0201", policy, `spec.to[${i}].targetRef`, `there is no ${kind} ${what}`)];
    }),
  );
}
