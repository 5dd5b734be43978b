import { type DataplaneResource, displayName, type MeshGatewayResource } from "@skein/model";
import { type PolicyResource, select } from "@skein/policies";
import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";
import { selectable } from "../view/selectable.ts";
import { type IdleRule, idleRules } from "../warnings/idle-rules.ts";
import type { ApiDeps } from "./deps.ts";

/** What policies of a kind say of a proxy that comes to nothing there: it is in no plan, so it would be nowhere. */
export function rulesWarnings(deps: ApiDeps, plan: ProxyPlan, type: string): readonly string[] {
  const policies = deps.store.list<PolicyResource>({ type, mesh: plan.mesh });
  return policies.flatMap((policy) =>
    idleRulesAt(deps, plan, policy).map(({ rule, message }) => `${displayName(policy)} ${rule}: ${message}`),
  );
}

/** What one policy says of a proxy that comes to nothing there. */
export function idleRulesAt(deps: ApiDeps, plan: ProxyPlan, policy: PolicyResource): readonly IdleRule[] {
  const { mesh, name } = plan;
  const dataplane = deps.store.get<DataplaneResource>({ type: "Dataplane", mesh, name });
  if (dataplane === undefined) return [];
  const gateways = deps.store.list<MeshGatewayResource>({ type: "MeshGateway", mesh });
  return idleRules(plan, policy, select(policy, selectable(dataplane, gateways)));
}
