import { type AskedHost, type PlanCondition, type PolicyResource, policyKri } from "@skein/policies";
import type { ServedListener } from "../../view/gateways.ts";
import type { PolicySet } from "../../view/policy-set.ts";

/** A listener with what routes said of it. */
export interface RoutedListener {
  readonly served: ServedListener;
  readonly set: PolicySet;
  readonly isHttp: boolean;
  readonly asked: readonly AskedHost[];
}

/** Routes that select only listeners on which they can do nothing. */
export function protocolConditions(listeners: readonly RoutedListener[]): readonly PlanCondition[] {
  return (["MeshHTTPRoute", "MeshTCPRoute"] as const).flatMap((type) => {
    const reads = type === "MeshHTTPRoute";
    const routesOf = (isHttp: boolean): ReadonlySet<PolicyResource> =>
      new Set(
        listeners
          .filter((each) => each.isHttp === isHttp)
          .flatMap(({ set }) => set.byKind.get(type) ?? [])
          .filter(({ spec }) => spec.targetRef?.kind === "MeshGateway"),
      );
    const able = routesOf(reads);
    return [...routesOf(!reads)]
      .filter((route) => !able.has(route))
      .map((route) => ({
        type: "RouteOfOtherProtocol",
        message: `${policyKri(route, SHORT[type])} has no effect here: the listeners that it selects ${
          reads ? "do not read requests (protocol TCP or TLS)" : "read requests (protocol HTTP or HTTPS)"
        }; it takes a ${reads ? "MeshTCPRoute" : "MeshHTTPRoute"} there`,
      }));
  });
}

const SHORT = { MeshHTTPRoute: "mhttpr", MeshTCPRoute: "mtcpr" } as const;

/** Host names of routes that no listener takes. */
export function hostnameConditions(listeners: readonly RoutedListener[]): readonly PlanCondition[] {
  const byPlace = Map.groupBy(
    listeners.flatMap(({ asked }) => asked),
    ({ origin }) => `${origin.policy} spec.${origin.rule}`,
  );
  return Array.from(byPlace).flatMap(([place, asked]) => {
    if (asked.some(({ isServed }) => isServed)) return [];
    const message = `${place}: no listener that the route selects takes requests for "${asked[0]?.hostname}"`;
    return [{ type: "UnattachedHostname", message }];
  });
}
