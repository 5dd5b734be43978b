import {
  type DataplaneResource,
  displayName,
  type MeshGatewayResource,
  type ResourceKey,
} from "@skein/model";
import { type PolicyResource, type Selectable, select } from "@skein/policies";
import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";
import { selectable } from "../view/selectable.ts";
import { type IdleRule, idleRules } from "../warnings/idle-rules.ts";
import type { ApiDeps } from "./deps.ts";

/** What policies of a kind say of a proxy that comes to nothing there: it is in no plan, so it would be nowhere. */
export function rulesWarnings(deps: ApiDeps, plan: ProxyPlan, type: string): readonly string[] {
  const { mesh, name } = plan;
  const proxy = selectableAt(deps, { type: "Dataplane", mesh, name }, gatewaysOf(deps, mesh));
  if (proxy === undefined) return [];
  return deps.store
    .list<PolicyResource>({ type, mesh })
    .flatMap((policy) =>
      idleRules(plan, policy, select(policy, proxy)).map(
        ({ rule, message }) => `${displayName(policy)} ${rule}: ${message}`,
      ),
    );
}

/** What one policy says that comes to nothing, with where that is. */
export function idleRulesOf(deps: ApiDeps, policy: PolicyResource): readonly (IdleRule & ProxyName)[] {
  const gateways = gatewaysOf(deps, policy.mesh);
  return deps.plans.selectedBy(policy).flatMap((key) => {
    const [plan, proxy] = [deps.plans.plan(key), selectableAt(deps, key, gateways)];
    if (plan === undefined || proxy === undefined) return [];
    const { mesh, name } = key;
    return idleRules(plan, policy, select(policy, proxy)).map((idle) => ({ mesh, name, ...idle }));
  });
}

type ProxyName = Pick<ResourceKey, "mesh" | "name">;

function gatewaysOf({ store }: ApiDeps, mesh: string): readonly MeshGatewayResource[] {
  return store.list<MeshGatewayResource>({ type: "MeshGateway", mesh });
}

function selectableAt(
  { store }: ApiDeps,
  key: ResourceKey,
  gateways: readonly MeshGatewayResource[],
): Selectable | undefined {
  const dataplane = store.get<DataplaneResource>(key);
  return dataplane && selectable(dataplane, gateways);
}
