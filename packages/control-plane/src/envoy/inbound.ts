import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { MetadataSchema, TrafficDirection } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  EndpointSchema,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import type {
  FilterChain,
  ListenerFilter,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteActionSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { RouteConfiguration } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import {
  type AskedService,
  altStatName,
  type CallerMatch,
  firstBytesPatience,
  type InboundDraft,
  type InboundPlan,
  type InboundSharedPlan,
  type PolicyDefinition,
} from "@skein/policies";
import { isHttp, packedHttpOptions } from "./http.ts";
import {
  applicationFilters,
  callersOf,
  chain,
  draftServing,
  routeConfiguration,
  tcpProxy,
  tlsInspector,
} from "./serving.ts";
import { downstreamTls, MESH_ALPN } from "./tls.ts";
import { bindTo, socketAddress } from "./values.ts";

/** What the listeners of inbounds with the same plan share: all but the address. */
export interface InboundListenerParts {
  readonly chains: readonly FilterChain[];
  readonly listenerFilters: readonly ListenerFilter[];
  /** For the server to speak first: the filters look for the client's first bytes for a while only. */
  readonly clientMayWait: boolean;
}

/** What inbounds with the same plan share. */
export interface TranslatedInbound {
  readonly cluster: Cluster;
  /** Of services that its filters ask. */
  readonly services: readonly AskedService[];
  readonly listener: InboundListenerParts;
  /** Absent where traffic is bytes. */
  readonly routes: RouteConfiguration | undefined;
}

/** Translates the part of an inbound that does not depend on where it listens. */
export function translateInbound(
  plan: InboundSharedPlan,
  definitions: readonly PolicyDefinition[],
): TranslatedInbound {
  const draft = draftInbound(plan, callersOf(plan, definitions));
  for (const definition of definitions) {
    definition.translateInbound?.(plan.policies[definition.kind.type], draft);
  }
  draft.cluster.typedExtensionProtocolOptions = packedHttpOptions(draft.httpOptions);
  const services = [...draft.services.values()];
  const plain = applicationFilters(draft, false);
  const routes = draft.hcm === undefined ? undefined : routeConfiguration(plan, draft);
  if (plan.tls === undefined || plan.tls.mode === "off") {
    return {
      cluster: draft.cluster,
      services,
      listener: { chains: [chain(plain, undefined, undefined)], listenerFilters: [], clientMayWait: false },
      routes,
    };
  }
  const socket = downstreamTls(plan.tls, draft);
  const secured = applicationFilters(draft, true);
  const needsServerName = usesServerName(plan);
  if (plan.tls.mode === "strict") {
    return {
      cluster: draft.cluster,
      services,
      listener: {
        chains: [chain(secured, undefined, socket)],
        listenerFilters: needsServerName ? [tlsInspector()] : [],
        clientMayWait: false,
      },
      routes,
    };
  }
  const passThrough = create(TcpProxySchema, {
    statPrefix: plan.statPrefix,
    clusterSpecifier: { case: "cluster", value: plan.clusterName },
  });
  return {
    cluster: draft.cluster,
    services,
    listener: {
      chains: [
        chain(plain, { transportProtocol: "raw_buffer" }, undefined),
        chain([...draft.networkFilters, tcpProxy(passThrough)], { transportProtocol: "tls" }, undefined),
        chain(secured, { transportProtocol: "tls", applicationProtocols: [MESH_ALPN] }, socket),
      ],
      listenerFilters: [tlsInspector()],
      clientMayWait: !isHttp(plan.protocol),
    },
    routes,
  };
}

/** The listener on which callers reach the application. */
export function inboundListener(
  plan: InboundPlan,
  shared: InboundListenerParts,
  reusePort: boolean,
): Listener {
  const tags =
    Object.keys(plan.tags).length > 0 ? { ...plan.tags } : { "kuma.io/unified-name": plan.listenerName };
  return create(ListenerSchema, {
    name: plan.listenerName,
    address: socketAddress(plan.address, plan.port),
    trafficDirection: TrafficDirection.INBOUND,
    enableReusePort: reusePort,
    statPrefix: plan.listenerName.startsWith("self_") ? plan.listenerName : "",
    metadata: create(MetadataSchema, { filterMetadata: { "io.kuma.tags": tags } }),
    ...(plan.redirected ? { bindToPort: false } : {}),
    listenerFilters: [...shared.listenerFilters],
    ...(shared.clientMayWait ? firstBytesPatience() : {}),
    filterChains: [...shared.chains],
  });
}

function draftInbound(plan: InboundSharedPlan, callers: readonly CallerMatch[]): InboundDraft {
  const cluster = create(ClusterSchema, {
    name: plan.clusterName,
    altStatName: altStatName(plan.clusterName),
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    loadAssignment: create(ClusterLoadAssignmentSchema, {
      clusterName: plan.clusterName,
      endpoints: [
        create(LocalityLbEndpointsSchema, {
          lbEndpoints: [
            create(LbEndpointSchema, {
              hostIdentifier: {
                case: "endpoint",
                value: create(EndpointSchema, {
                  address: socketAddress(plan.service.address, plan.service.port),
                }),
              },
            }),
          ],
        }),
      ],
    }),
  });
  if (plan.source !== undefined) cluster.upstreamBindConfig = bindTo(plan.source);
  const action = create(RouteActionSchema, {
    clusterSpecifier: { case: "cluster", value: plan.clusterName },
  });
  return draftServing(plan, cluster, action, callers);
}

/** Envoy only knows the name a client asked for when the inspector has looked. */
function usesServerName(plan: InboundSharedPlan): boolean {
  return JSON.stringify(plan.policies).includes('"sni":{');
}
