import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
  Cluster_EdsClusterConfigSchema as EdsSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  HeaderValueOptionSchema,
  HeaderValueSchema,
  MetadataSchema,
  TrafficDirection,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { HttpProtocolOptionsSchema } from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import {
  type Filter,
  FilterChainSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import {
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  VirtualHostSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import { SERVICE_TAG } from "@skein/model";
import {
  CALLER_TAGS_HEADER,
  type OutboundDraft,
  type OutboundPlan,
  type OutboundRouteDraft,
  type PolicyDefinition,
  type UpstreamPlan,
} from "@skein/policies";
import { baseHttpFilters, httpOptions, internalAddresses, isHttp, packedHttpOptions } from "./http.ts";
import { leaveMesh, partlyLeaveMesh } from "./leave-mesh.ts";
import { upstreamTls } from "./tls.ts";
import { ads, networkFilter, routesByName, socketAddress, statName } from "./values.ts";

/** What all callers of one kind share towards one destination. */
export interface TranslatedUpstream {
  readonly cluster: Cluster;
  /** The only filter chain's filters of every listener that leads there. */
  readonly filters: readonly Filter[];
  /** Absent where traffic is bytes. */
  readonly routes: RouteConfiguration | undefined;
}

/** Name of the route that takes what no other route does; the same as Kuma's, which dashboards know. */
const DEFAULT_ROUTE = "9Zuf5Tg79OuZcQITwBbQykxAk2u4fRKrwYn3//AL4Yo=";

/** Translates how a kind of caller reaches a destination. */
export function translateUpstream(
  plan: UpstreamPlan,
  definitions: readonly PolicyDefinition[],
): TranslatedUpstream {
  const draft = draftUpstream(plan);
  for (const definition of definitions) {
    definition.translateOutbound?.(plan.policies[definition.kind.type], draft);
  }
  const headers = Array.from(draft.requestHeaders, ([key, value]) =>
    create(HeaderValueOptionSchema, {
      header: create(HeaderValueSchema, { key, value }),
      appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    }),
  );
  let leaves = false;
  if (plan.external !== undefined) leaveMesh(draft, plan.external);
  else leaves = partlyLeaveMesh(draft, headers);
  const { cluster, hcm, tcp } = draft;
  if (plan.external === undefined || hcm !== undefined)
    cluster.typedExtensionProtocolOptions = packedHttpOptions(draft.httpOptions);
  if (plan.tls !== undefined) cluster.transportSocket = upstreamTls(plan.tls, draft.tlsParams);
  const filters: Filter[] = [];
  if (hcm !== undefined) {
    filters.push(
      networkFilter("envoy.filters.network.http_connection_manager", HttpConnectionManagerSchema, hcm),
    );
  }
  if (tcp !== undefined) filters.push(networkFilter("envoy.filters.network.tcp_proxy", TcpProxySchema, tcp));
  const routes =
    hcm === undefined
      ? undefined
      : create(RouteConfigurationSchema, {
          name: plan.destination.routeName,
          virtualHosts: [
            create(VirtualHostSchema, {
              name: plan.clusterName,
              domains: ["*"],
              routes: draft.routes.map(({ route }) => route),
              requestHeadersToAdd: leaves ? [] : headers,
            }),
          ],
          validateClusters: false,
        });
  return { cluster, filters, routes };
}

function draftUpstream(plan: UpstreamPlan): OutboundDraft {
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

/** The listener on which the application calls a destination. */
export function outboundListener(
  plan: OutboundPlan,
  filters: readonly Filter[],
  reusePort: boolean,
): Listener {
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
    filterChains: [create(FilterChainSchema, { filters: [...filters] })],
  });
}

function listenerTags({ upstream: { destination } }: OutboundPlan): Record<string, string> {
  return destination.kind === "ServiceTag"
    ? { [SERVICE_TAG]: destination.name }
    : { "kuma.io/unified-name": destination.kri };
}

/** Only needed where the name would be split in statistics. */
export function altStatName(name: string): string {
  const sanitised = statName(name);
  return sanitised === name ? "" : sanitised;
}
