import { create } from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import type { TcpProxy } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import { HttpProtocolOptionsSchema } from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import type {
  DestinationPlan,
  GatewayCalls,
  OutboundDraft,
  OutboundRouteDraft,
  PolicyDefinition,
  PolicyPlans,
} from "@skein/policies";

/** What sends traffic on, and where to. */
export interface Sender {
  readonly destinations: readonly DestinationPlan[];
}

/** Kinds that have done their part: the routes are there. */
const ROUTES = ["MeshHTTPRoute", "MeshTCPRoute"];

/** Sets what policies say of the requests of a gateway's route, as a sidecar's routes have it. */
export function callByRoute(
  route: OutboundRouteDraft & Sender,
  calls: GatewayCalls,
  definitions: readonly PolicyDefinition[],
): void {
  if (route.route.action.case !== "route") return;
  translate(definitions, plansFor(calls, route), { ...scratch(route), routes: [route] });
}

/** Sets what policies say of the connections that a gateway passes on. */
export function callByConnection(
  tcp: TcpProxy,
  sender: Sender,
  calls: GatewayCalls,
  definitions: readonly PolicyDefinition[],
): void {
  translate(definitions, plansFor(calls, sender), { ...scratch(sender), protocol: "tcp", tcp });
}

/** What shares its traffic out can only have what holds for all of it. */
function plansFor({ shared, byDestination }: GatewayCalls, { destinations }: Sender): PolicyPlans {
  const [only, ...others] = new Set(destinations.map(({ kri }) => kri));
  return (others.length === 0 && only !== undefined ? byDestination[only] : shared) ?? {};
}

function translate(definitions: readonly PolicyDefinition[], plans: PolicyPlans, draft: OutboundDraft): void {
  for (const definition of definitions) {
    const { type } = definition.kind;
    if (!ROUTES.includes(type)) definition.translateOutbound?.(plans[type], draft);
  }
}

/** What policies say of clusters comes to nothing here: each destination's cluster has it already. */
function scratch({ destinations: [destination] }: Sender): OutboundDraft {
  return {
    protocol: destination?.protocol ?? "http",
    fromGateway: true,
    isExternal: destination?.kind === "MeshExternalService",
    cluster: create(ClusterSchema),
    httpOptions: create(HttpProtocolOptionsSchema),
    ...{ tlsParams: undefined, hcm: undefined, tcp: undefined },
    routes: [],
    backends: {},
    requestHeaders: new Map(),
  };
}
