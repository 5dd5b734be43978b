import {
  type DataplaneResource,
  LABEL,
  type MeshGatewayResource,
  type MeshIdentityResource,
  type MeshResource,
} from "@skein/model";
import { type PolicyResource, select } from "@skein/policies";
import { matchingIdentities } from "../identity/selection.ts";
import type { Store } from "../store/store.ts";
import { isBuiltinGateway } from "../view/gateways.ts";
import { selectable } from "../view/selectable.ts";
import { notAtEgressWarnings, serverNameWarnings } from "./egress.ts";
import { filterStateWarnings } from "./filter-state.ts";
import { gatewayTargetWarnings } from "./gateway.ts";
import { gatewayPolicyWarnings } from "./gateway-policy.ts";
import { inboundWarnings } from "./inbound.ts";
import { opaWarnings } from "./opa.ts";
import { passthroughWarnings } from "./passthrough.ts";
import { retryWarnings } from "./retry.ts";
import { backendWarnings, routeTargetWarnings } from "./route.ts";
import { putAsideWarnings } from "./route-conflicts.ts";
import { count, examples } from "./sentences.ts";
import { serviceRuleWarnings } from "./service-rules.ts";

/** What a policy says that comes to nothing now, or to something else than it looks like. */
export function policyWarnings(
  policy: PolicyResource,
  dataplanes: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  const inForce = asIfInForce(policy);
  const gateways = store.list<MeshGatewayResource>({ type: "MeshGateway", mesh: policy.mesh });
  const selected = dataplanes.filter(
    (dataplane) => select(inForce, selectable(dataplane, gateways)).kind !== "none",
  );
  const ofTarget = gatewayTargetWarnings(policy, store);
  const selectsNothing = dataplanes.length > 0 && selected.length === 0 && ofTarget.length === 0;
  return [
    ...ofTarget,
    ...(selectsNothing ? ["spec.targetRef selects none of the dataplanes that are there now"] : []),
    ...serverNameWarnings(policy, store),
    ...notAtEgressWarnings(inForce, selected),
    ...serviceRuleWarnings(policy, store),
    ...backendWarnings(policy, store),
    ...routeTargetWarnings(policy, store),
    ...putAsideWarnings(inForce, selected, store),
    ...inboundWarnings(policy, selected),
    ...opaWarnings(policy, selected, store),
    ...retryWarnings(policy, dataplanes),
    ...passthroughWarnings(policy, selected, store),
    ...filterStateWarnings(policy, store),
    ...gatewayPolicyWarnings(inForce, selected, gateways),
    ...withoutIdentityWarnings(policy, selected, store),
  ];
}

/** A policy on trial selects nobody, by its label; what there is to warn of is what it would do without. */
function asIfInForce(policy: PolicyResource): PolicyResource {
  const { [LABEL.effect]: _effect, ...labels } = policy.labels;
  return { ...policy, labels };
}

/** Where it takes an identity to do what the policy says, and there is none. */
function withoutIdentityWarnings(
  { type, mesh: meshName, spec }: PolicyResource,
  selected: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  const byCaller = (spec.rules ?? []).some(({ matches }) => (matches ?? []).length > 0);
  if (type !== "MeshTrafficPermission" && type !== "MeshTLS" && !byCaller) return [];
  // Clients of gateways have none: only TLS of what gateways call is about them.
  const concerned = type === "MeshTLS" ? selected : selected.filter((each) => !isBuiltinGateway(each));
  const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name: meshName });
  if (concerned.length === 0 || mesh?.spec.mtls?.enabledBackend) return [];
  const identities = store.list<MeshIdentityResource>({ type: "MeshIdentity", mesh: meshName });
  const without = concerned.filter(({ labels }) => matchingIdentities(identities, labels).length === 0);
  if (without.length === 0) return [];
  const have = without.length === 1 ? "has" : "have";
  const what = byCaller ? "rules with matches have" : "it has";
  return [
    `${count(without.length, "dataplane")} that it selects ${have} no identity, so ${what} no effect there: ${examples(without)}`,
  ];
}
