import { create } from "@bufbuild/protobuf";
import { BoolValueSchema } from "@bufbuild/protobuf/wkt";
import { type Cluster, ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { MetadataSchema, TrafficDirection } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import type { FilterChain } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteActionSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { RouteConfiguration } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { HttpConnectionManager_ForwardClientCertDetails as ForwardClientCert } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import type { AskedService, EgressChainPlan, EgressPlan, PolicyDefinition } from "@skein/policies";
import { altStatName } from "@skein/policies";
import { sendToBackends } from "@skein/policies/engine/weighted-clusters";
import { externalTls, locate } from "./external.ts";
import { packedHttpOptions } from "./http.ts";
import {
  applicationFilters,
  callersOf,
  chain,
  draftServing,
  routeConfiguration,
  tlsInspector,
} from "./serving.ts";
import { downstreamTls } from "./tls.ts";
import { socketAddress } from "./values.ts";

/** What the way of an external service through an egress becomes. */
export interface TranslatedChain {
  readonly cluster: Cluster;
  /** Of services that its filters ask. */
  readonly services: readonly AskedService[];
  readonly chain: FilterChain;
  /** Absent where traffic is bytes. */
  readonly routes: RouteConfiguration | undefined;
}

/** The inner half is an inbound's, who calls and whether they may; the outer half is that of a caller outside. */
export function translateEgressChain(
  plan: EgressChainPlan,
  definitions: readonly PolicyDefinition[],
): TranslatedChain {
  const { external, protocol, clusterName } = plan;
  const cluster = create(ClusterSchema, { name: clusterName, altStatName: altStatName(clusterName) });
  const action = create(RouteActionSchema, {
    clusterSpecifier: { case: "cluster", value: clusterName },
    // Applications name the host by which the mesh knows the service.
    hostRewriteSpecifier: { case: "autoHostRewrite", value: create(BoolValueSchema, { value: true }) },
  });
  const draft = draftServing(plan, cluster, action, callersOf(plan, definitions));
  // Who calls is nobody's business out there.
  if (draft.hcm !== undefined) {
    draft.hcm.forwardClientCertDetails = ForwardClientCert.SANITIZE;
    draft.hcm.setCurrentClientCertDetails = undefined;
  }
  for (const definition of definitions) {
    definition.translateInbound?.(plan.policies[definition.kind.type], draft);
  }
  locate(cluster, external);
  if (external.problem === undefined && external.tls !== undefined) {
    cluster.transportSocket = externalTls(external.tls, protocol);
  }
  if (external.problem !== undefined) {
    for (const { route } of draft.routes) sendToBackends(route, [], external.problem);
  }
  cluster.typedExtensionProtocolOptions = packedHttpOptions(draft.httpOptions);
  const match = { transportProtocol: "tls", serverNames: [plan.destination.sni] };
  const secured = chain(applicationFilters(draft, true), match, downstreamTls(plan.tls, draft));
  secured.name = plan.destination.kri;
  return {
    cluster,
    services: [...draft.services.values()],
    chain: secured,
    routes: draft.hcm === undefined ? undefined : routeConfiguration(plan, draft),
  };
}

/** The listener by which others leave the mesh, but for its filter chains. */
export function egressListener({ listenerName, address, port }: EgressPlan, reusePort: boolean): Listener {
  return create(ListenerSchema, {
    name: listenerName,
    address: socketAddress(address, port),
    trafficDirection: TrafficDirection.INBOUND,
    enableReusePort: reusePort,
    statPrefix: listenerName,
    metadata: create(MetadataSchema, {
      filterMetadata: { "io.kuma.tags": { "kuma.io/unified-name": listenerName } },
    }),
    listenerFilters: [tlsInspector()],
  });
}
