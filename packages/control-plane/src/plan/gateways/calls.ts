import type {
  BackendPlan,
  DestinationPlan,
  GatewayCalls,
  PolicyDefinition,
  PolicyPlans,
  RouteIdentity,
} from "@skein/policies";
import { liveBackends, type WeightedBackend } from "@skein/policies/engine/backends";
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
  /** For each route that sends something on, where to. */
  readonly senders: readonly (readonly WeightedBackend[])[];
  readonly backends: Readonly<Record<string, BackendPlan>>;
}

/** What policies say of the calls that a listener makes: of a destination, where a route leads to it alone. */
export function gatewayCalls({ definitions, policies, senders, backends }: CallsInput): GatewayCalls {
  const routes = routesOf(policies);
  const plansFor = (destination: DestinationPlan): PolicyPlans => {
    const plans: Record<string, unknown> = {};
    for (const definition of definitions) {
      const { type } = definition.kind;
      const list = policies.byKind.get(type) ?? [];
      if (ROUTES.includes(type) || list.length === 0) continue;
      const entry = definition.planOutbound?.({ policies: list, destination, routes });
      if (entry !== undefined) plans[type] = entry;
    }
    return plans;
  };
  const ends = senders.map(
    (shares) =>
      new Map(liveBackends(shares, backends).map(({ destination }) => [destination.kri, destination])),
  );
  const alone = new Map(ends.filter(({ size }) => size === 1).flatMap((end) => [...end]));
  return {
    byDestination: Object.fromEntries(
      Array.from(alone, ([kri, destination]) => [kri, plansFor(destination)]),
    ),
    ...(ends.some(({ size }) => size > 1) ? { shared: plansFor(ANY) } : {}),
  };
}

/** The routes of gateways among the policies that select a listener, as other policies refer to them. */
export function routesOf({ byKind }: PolicySet): readonly RouteIdentity[] {
  return (byKind.get("MeshHTTPRoute") ?? [])
    .filter(({ spec }) => spec.targetRef?.kind === "MeshGateway")
    .map(routeIdentity);
}
