import type { PolicyResource } from "@skein/policies";
import type { Store } from "../store/store.ts";
import { valueAt } from "./value-at.ts";

/** Where a MeshLoadBalancingStrategy has lists of hash policies, inside `default`. */
const LISTS = ["hashPolicies", "loadBalancer.ringHash.hashPolicies", "loadBalancer.maglev.hashPolicies"];

/**
 * Where requests are told apart by a filter state that no filter sets. Envoy hashes only objects made for it, and the filters
 * that policies give to outbounds set none: a MeshProxyPatch has to add one that does.
 */
export function filterStateWarnings(policy: PolicyResource, store: Store): readonly string[] {
  if (policy.type !== "MeshLoadBalancingStrategy") return [];
  const keys = (policy.spec.to ?? []).flatMap((entry, i) =>
    LISTS.flatMap((list) => keysOf(valueAt(entry.default, list), `spec.to[${i}].default.${list}`)),
  );
  if (keys.length === 0) return [];
  const patches = store
    .list<PolicyResource>({ type: "MeshProxyPatch", mesh: policy.mesh })
    .map(({ spec }) => JSON.stringify(spec));
  return keys.flatMap(({ at, key }) =>
    patches.some((patch) => patch.includes(key))
      ? []
      : [
          `${at}: no MeshProxyPatch sets "${key}" now, and nothing else does, so it has no effect; add a set_filter_state filter with factoryKey: envoy.hashable_string`,
        ],
  );
}

function keysOf(list: unknown, path: string): readonly { readonly at: string; readonly key: string }[] {
  return (Array.isArray(list) ? list : []).flatMap((each, i) => {
    const key = valueAt(each, "filterState.key");
    return valueAt(each, "type") === "FilterState" && typeof key === "string"
      ? [{ at: `${path}[${i}].filterState.key`, key }]
      : [];
  });
}
