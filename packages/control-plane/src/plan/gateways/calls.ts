import type {
  BackendPlan,
  DestinationPlan,
  GatewayCalls,
  PolicyDefinition,
  PolicyPlans,
  RouteIdentity,
} from "@skein/policies";
import { routeIdentity } from "@skein/policies/mesh-http-route/policy";
import type { PolicySet } from "../../view/policy-set.ts";

/** Kinds that say where traffic goes, not what holds for it on the way. */
const ROUTES = ["MeshHTTPRoute", "MeshTCPRoute"];

/**
 * No destination in particular: policies about the whole mesh are about it, and none that name a service. It stands for
 * requests that a route shares out, because what holds for a request holds for all that its route leads to.
 */
const ANY: DestinationPlan = {
  ...{ kind: "MeshService", mesh: "", name: "", kri: "", labels: {}, port: 0, portName: "" },
  ...{ protocol: "http", sni: "", serverIds: [], legacyName: "", routeName: "" },
};

/** What a listener of a gateway sends on. */
export interface CallsInput {
  readonly definitions: readonly PolicyDefinition[];
  /** The policies that select the listener. */
  readonly policies: PolicySet;
  readonly backends: Readonly<Record<string, BackendPlan>>;
}

/** What policies say of the calls that the routes of a listener make. */
export function gatewayCalls(input: CallsInput): GatewayCalls {
  const { definitions, policies, backends } = input;
  const routes = routesOf(policies);
  const plansFor = (destination: DestinationPlan): PolicyPlans => {
    const plans: Record<string, unknown> = {};
    for (const definition of definitions) {
      const list = policies.byKind.get(definition.kind.type) ?? [];
      if (ROUTES.includes(definition.kind.type) || list.length === 0) continue;
      const entry = definition.planOutbound?.({ policies: list, destination, routes });
      if (entry !== undefined) plans[definition.kind.type] = entry;
    }
    return plans;
  };
  const destinations = new Map(
    Object.values(backends).flatMap((backend) =>
      backend.kind === "resolved" ? [[backend.destination.kri, backend.destination] as const] : [],
    ),
  );
  return {
    shared: plansFor(ANY),
    byDestination: Object.fromEntries(
      Array.from(destinations, ([kri, destination]) => [kri, plansFor(destination)]),
    ),
  };
}

/** The routes of gateways among the policies that select a listener, as other policies refer to them. */
export function routesOf({ byKind }: PolicySet): readonly RouteIdentity[] {
  return (byKind.get("MeshHTTPRoute") ?? [])
    .filter(({ spec }) => spec.targetRef?.kind === "MeshGateway")
    .map(routeIdentity);
}
