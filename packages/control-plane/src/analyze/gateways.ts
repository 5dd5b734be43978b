import { gatewaysOf } from "../view/gateways.ts";
import type { Code, Severity } from "./codes.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

const AT = "networking.gateway";

/** SK0206: gateways that listen on nothing, and MeshGateways that nobody serves. */
export function unmatchedGateways(scope: Scope): readonly Finding[] {
  const { dataplanes, gateways } = scope;
  const served = new Set(dataplanes.map((dataplane) => gatewaysOf(dataplane, gateways)[0]?.name));
  return [
    ...fromConditions(scope, "SK0206", ["NoMeshGateway"]),
    ...gateways
      .filter(({ name }) => dataplanes.length > 0 && !served.has(name))
      .map((gateway) =>
        finding("SK0206", gateway, "selectors", "no Dataplane of type BUILTIN serves it, so nothing listens"),
      ),
  ];
}

/** SK0207: host names that no listener takes, and routes for other protocols. */
export function unusableRoutes(scope: Scope): readonly Finding[] {
  return fromConditions(scope, "SK0207", ["UnattachedHostname", "RouteOfOtherProtocol"]);
}

/** SK0606: listeners without a certificate; less grave, those without a route. */
export function brokenListeners(scope: Scope): readonly Finding[] {
  return [
    ...fromConditions(scope, "SK0606", ["InvalidCertificate"]),
    ...fromConditions(scope, "SK0606", ["NoRoutes", "CrossMeshListener"], "warning"),
  ];
}

/** What plans of gateways say of this kind; gateways that serve the same say the same, once. */
function fromConditions(
  { dataplanes, plans }: Scope,
  code: Code,
  types: readonly string[],
  severity?: Severity,
): readonly Finding[] {
  const seen = new Set<string>();
  return dataplanes.flatMap((dataplane) =>
    (plans.get(dataplane.name)?.conditions ?? []).flatMap(({ type, message }): readonly Finding[] => {
      if (!types.includes(type) || seen.has(message)) return [];
      seen.add(message);
      return [finding(code, dataplane, AT, message, severity)];
    }),
  );
}
