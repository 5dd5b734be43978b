import { create } from "@bufbuild/protobuf";
import {
  Cluster_DiscoveryType,
  ClusterSchema,
  Cluster_EdsClusterConfigSchema as EdsSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { MetadataSchema, TrafficDirection } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { HttpProtocolOptionsSchema } from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import {
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import { SERVICE_TAG } from "@skein/model";
import {
  altStatName,
  CALLER_TAGS_HEADER,
  type OutboundDraft,
  type OutboundPlan,
  type OutboundRouteDraft,
  statName,
  type UpstreamPlan,
} from "@skein/policies";
import { baseHttpFilters, httpOptions, internalAddresses, isHttp } from "./http.ts";
import { ads, routesByName, socketAddress } from "./values.ts";

/** Name of the route that takes what no other route does; the same as Kuma's, which dashboards know. */
const DEFAULT_ROUTE = "9Zuf5Tg79OuZcQITwBbQykxAk2u4fRKrwYn3//AL4Yo=";

/** The way to a destination before any policy. */
export function draftUpstream(plan: UpstreamPlan): OutboundDraft {
  const { destination, clusterName } = plan;
  const cluster = create(ClusterSchema, {
    name: clusterName,
    altStatName: altStatName(clusterName),
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.EDS },
    edsClusterConfig: create(EdsSchema, { edsConfig: ads() }),
  });
  const base = {
    protocol: destination.protocol,
    cluster,
    isExternal: plan.external !== undefined,
    // Proxies speak HTTP/2 to each other, whatever the applications speak; others take what their protocol says.
    httpOptions: httpOptions(
      plan.external === undefined || destination.protocol !== "http" ? "http2" : "http1",
    ),
    tlsParams: undefined,
    backends: plan.backends,
    requestHeaders: new Map(
      plan.callerTags === undefined ? [] : [[CALLER_TAGS_HEADER, plan.callerTags] as const],
    ),
  };
  if (!isHttp(destination.protocol)) {
    return {
      ...base,
      hcm: undefined,
      tcp: create(TcpProxySchema, {
        statPrefix: statName(clusterName),
        clusterSpecifier: { case: "cluster", value: clusterName },
      }),
      routes: [],
    };
  }

  const hcm = create(HttpConnectionManagerSchema, {
    statPrefix: statName(clusterName),
    normalizePath: true,
    commonHttpProtocolOptions: create(HttpProtocolOptionsSchema),
    internalAddressConfig: internalAddresses(),
    httpFilters: baseHttpFilters(destination.protocol),
    routeSpecifier: routesByName(destination.routeName),
  });
  return { ...base, hcm, tcp: undefined, routes: [catchAll(clusterName)] };
}

function catchAll(cluster: string): OutboundRouteDraft {
  const route = create(RouteSchema, {
    name: DEFAULT_ROUTE,
    match: create(RouteMatchSchema, { pathSpecifier: { case: "prefix", value: "/" } }),
    action: {
      case: "route",
      value: create(RouteActionSchema, { clusterSpecifier: { case: "cluster", value: cluster } }),
    },
  });
  return { route };
}

/** The listener on which the application calls a destination, but for its filter chain. */
export function outboundListener(plan: OutboundPlan, reusePort: boolean): Listener {
  return create(ListenerSchema, {
    name: plan.listenerName,
    address: socketAddress(plan.address, plan.port),
    trafficDirection: TrafficDirection.OUTBOUND,
    enableReusePort: reusePort,
    statPrefix: plan.listenerName.startsWith("kri_") ? statName(plan.listenerName) : "",
    metadata: create(MetadataSchema, {
      filterMetadata: { "io.kuma.tags": listenerTags(plan) },
    }),
    ...(plan.redirected ? { bindToPort: false } : {}),
  });
}

function listenerTags({ upstream: { destination } }: OutboundPlan): Record<string, string> {
  return destination.kind === "ServiceTag"
    ? { [SERVICE_TAG]: destination.name }
    : { "kuma.io/unified-name": destination.kri };
}
