import type { DataplaneInsightResource, DataplaneResource, MeshGatewayResource } from "@skein/model";
import { type PolicyResource, policyKri, select } from "@skein/policies";
import { DEFAULT_MODE, type MeshPassthroughConf } from "@skein/policies/mesh-passthrough/conf";
import { entryProblems, mergedPassthrough } from "@skein/policies/mesh-passthrough/policy";
import { nodeFacts } from "../plan/node-facts.ts";
import { redirectOf } from "../plan/transparent.ts";
import type { Store } from "../store/store.ts";
import { selectable } from "../view/selectable.ts";

/** Where a MeshPassthrough closes more than its writer may think, or comes to nothing. */
export function passthroughWarnings(
  policy: PolicyResource,
  selected: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  if (policy.type !== "MeshPassthrough") return [];
  const { passthroughMode, appendMatch = [] } = policy.spec.default as MeshPassthroughConf;
  const mode = passthroughMode ?? DEFAULT_MODE;
  const warnings: string[] = [];
  if (mode === "Matched" && appendMatch.length === 0) {
    const why = passthroughMode === undefined ? "is Matched where nothing is said" : "is Matched";
    warnings.push(
      `spec.default: passthroughMode ${why} and appendMatch is empty, so NOTHING leaves the mesh from the proxies that it selects, as far as no other MeshPassthrough says more; list in appendMatch what may leave, or set passthroughMode: All`,
    );
  }
  if (mode !== "Matched" && appendMatch.length > 0) {
    warnings.push(
      `spec.default.appendMatch: has no effect with passthroughMode ${mode}; set Matched to let out what it lists and nothing else`,
    );
  }
  const gateways = selected.filter(({ spec }) => spec.networking?.gateway?.type === "BUILTIN");
  if (gateways.length > 0) {
    warnings.push(`spec.targetRef: has no effect on built-in gateways, such as ${gateways[0]?.name}`);
  }
  const plain = selected.filter(
    (dataplane) => !gateways.includes(dataplane) && isNotRedirected(dataplane, store),
  );
  if (plain.length > 0) {
    const more = plain.length === 1 ? "" : ` and ${plain.length - 1} more`;
    warnings.push(
      `spec.targetRef: has no effect on proxies without transparent proxying, such as ${plain[0]?.name}${more}: their applications reach other destinations without the proxy`,
    );
  }
  return [...warnings, ...conflicts(policy, selected, store)];
}

/** Whether a proxy has said, or its Dataplane says, that connections of its application do not come to it. */
function isNotRedirected(dataplane: DataplaneResource, store: Store): boolean {
  const { mesh, name } = dataplane;
  const insight = store.get<DataplaneInsightResource>({ type: "DataplaneInsight", mesh, name });
  // One that was never there has not said anything yet.
  if (insight?.spec.metadata === undefined) return false;
  return redirectOf(dataplane, nodeFacts(insight.spec.metadata)).outboundPort === undefined;
}

/** What the entries of the policies of a proxy say against each other, each once. */
function conflicts(
  written: PolicyResource,
  selected: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  const others = store
    .list<PolicyResource>({ type: written.type, mesh: written.mesh })
    .filter(({ name }) => name !== written.name);
  const gateways = store.list<MeshGatewayResource>({ type: "MeshGateway", mesh: written.mesh });
  const bySet = new Map<string, readonly PolicyResource[]>();
  for (const dataplane of selected) {
    const policies = others.filter((other) => select(other, selectable(dataplane, gateways)).kind !== "none");
    bySet.set(policies.map(({ name }) => name).join(" "), policies);
  }
  const own = policyKri(written, "mp");
  const problems = [...bySet.values()].flatMap((policies) => {
    const plan = mergedPassthrough([...policies, written]);
    return plan === undefined ? [] : entryProblems(plan);
  });
  return [...new Set(problems)].map((problem) =>
    problem.startsWith(`${own} `) ? `spec.${problem.slice(own.length + 1)}` : problem,
  );
}
