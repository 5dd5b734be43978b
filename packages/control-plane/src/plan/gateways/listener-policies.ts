import { SERVICE_TAG } from "@skein/model";
import type { PolicyPlans } from "@skein/policies";
import type { ServedListener } from "../../view/gateways.ts";
import { NO_SET, type PolicySet, policyList, policySet } from "../../view/policy-set.ts";
import { routesOf } from "./calls.ts";
import type { GatewayProxy, GatewaysInputs } from "./inputs.ts";

/** The policies that select a listener. */
export function policiesOf(
  { policies }: Pick<GatewayProxy, "policies">,
  { section }: ServedListener,
): PolicySet {
  return policies.get(section) ?? NO_SET;
}

/** The policies that are in all sets. */
export function commonSet([first = NO_SET, ...others]: readonly PolicySet[]): PolicySet {
  if (others.every((other) => other === first)) return first;
  const byKind = new Map(
    Array.from(first.byKind, ([type, list]) => [
      type,
      policyList(
        list.filter((policy) => others.every((other) => other.byKind.get(type)?.includes(policy) === true)),
      ),
    ]),
  );
  return policySet(byKind);
}

/** What policies say of a listener, or of a chain that several share. */
export function listenerPlans(
  { definitions, meshName }: Pick<GatewaysInputs, "definitions" | "meshName">,
  { dataplane, extAuthzAddress }: Pick<GatewayProxy, "dataplane" | "extAuthzAddress">,
  set: PolicySet,
  isHttp: boolean,
): PolicyPlans {
  const service = dataplane.spec.networking?.gateway?.tags?.[SERVICE_TAG] ?? "";
  const routes = routesOf(set);
  const plans: Record<string, unknown> = {};
  for (const definition of definitions) {
    const type = definition.kind.type;
    const policies = set.byKind.get(type) ?? [];
    const entry = definition.planGateway?.({
      ...{ policies, mesh: meshName, isHttp, service, routes },
      extAuthzAddress,
    });
    if (entry !== undefined) plans[type] = entry;
  }
  return plans;
}
