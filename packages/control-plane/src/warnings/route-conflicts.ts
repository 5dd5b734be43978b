import { type DataplaneResource, LABEL, type MeshGatewayResource } from "@skein/model";
import { type PolicyResource, select } from "@skein/policies";
import { meshHttpRoute } from "@skein/policies/mesh-http-route/policy";
import { meshTcpRoute } from "@skein/policies/mesh-tcp-route/policy";
import { type Callable, isMeant, portsOfSection } from "../plan/callable.ts";
import { trafficProtocol } from "../plan/destinations.ts";
import type { Store } from "../store/store.ts";
import { selectable } from "../view/selectable.ts";
import { callablesOf } from "./route.ts";

const HTTP_ROUTE = meshHttpRoute.kind.type;
const TCP_ROUTE = meshTcpRoute.kind.type;

/**
 * Where a MeshHTTPRoute is about a service that speaks HTTP, MeshTCPRoutes about it decide nothing for the same callers:
 * said to whoever writes one of the two. @param policy as if it were in force
 */
export function putAsideWarnings(
  policy: PolicyResource,
  selected: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  if (policy.type !== HTTP_ROUTE && policy.type !== TCP_ROUTE) return [];
  const { mesh } = policy;
  const gateways = store.list<MeshGatewayResource>({ type: "MeshGateway", mesh });
  const callers = selected.map((dataplane) => selectable(dataplane, gateways));
  const others = store
    .list<PolicyResource>({ type: policy.type === HTTP_ROUTE ? TCP_ROUTE : HTTP_ROUTE, mesh })
    .filter((other) => other.labels[LABEL.effect] !== "shadow")
    .filter((other) => callers.some((caller) => decidesCalls(other, caller)));
  if (others.length === 0) return [];
  const services = callablesOf(store, mesh);
  return (policy.spec.to ?? []).flatMap(({ targetRef }, i) =>
    services
      .filter((service) => routesRequests(targetRef, service))
      .flatMap((service) => {
        const other = others.find(({ spec }) =>
          (spec.to ?? []).some((entry) => routesRequests(entry.targetRef, service)),
        );
        if (other === undefined) return [];
        const called = `${service.kind} "${service.name}"`;
        return [
          policy.type === TCP_ROUTE
            ? `spec.to[${i}]: ${called} speaks HTTP, and ${HTTP_ROUTE} "${other.name}" leads its requests, so this has no effect for callers that both select`
            : `spec.to[${i}]: leads the requests of ${called}, so ${TCP_ROUTE} "${other.name}" has no effect there any more for callers that both select`,
        ];
      }),
  );
}

function decidesCalls(policy: PolicyResource, caller: ReturnType<typeof selectable>): boolean {
  const selection = select(policy, caller);
  return selection.kind === "proxy" || (selection.kind === "inbounds" && selection.outbounds);
}

function routesRequests(
  targetRef: Parameters<typeof isMeant>[0] & { sectionName?: string | undefined },
  service: Callable,
): boolean {
  return (
    isMeant(targetRef, service) &&
    portsOfSection(service, targetRef.sectionName).some(
      ({ appProtocol }) => trafficProtocol(appProtocol) !== "tcp",
    )
  );
}
