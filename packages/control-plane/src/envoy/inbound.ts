import { create } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import {
  MetadataSchema,
  TrafficDirection,
  type TransportSocket,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { HttpProtocolOptionsSchema } from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import {
  EndpointSchema,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import {
  type Filter,
  type FilterChain,
  FilterChainMatchSchema,
  FilterChainSchema,
  type ListenerFilter,
  ListenerFilterSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RBAC_Action, RBACSchema as RulesSchema } from "@skein/envoy-api/envoy/config/rbac/v3/rbac_pb";
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
import {
  RBACPerRouteSchema,
  RBACSchema,
} from "@skein/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb";
import { TlsInspectorSchema } from "@skein/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb";
import {
  HttpConnectionManager_ForwardClientCertDetails as ForwardClientCert,
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  type HttpFilter,
  HttpConnectionManager_SetCurrentClientCertDetailsSchema as SetCertDetailsSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import {
  type TcpProxy,
  TcpProxySchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import {
  CALLER_TAGS_HEADER,
  type CallerMatch,
  callerGroups,
  firstBytesPatience,
  type InboundDraft,
  type InboundPlan,
  type InboundSharedPlan,
  type PolicyDefinition,
} from "@skein/policies";
import { callerRoutes, callerStateFilter } from "./caller-state.ts";
import { baseHttpFilters, httpOptions, internalAddresses, isHttp, packedHttpOptions } from "./http.ts";
import { altStatName } from "./outbound.ts";
import { downstreamTls, MESH_ALPN } from "./tls.ts";
import { bindTo, httpFilter, networkFilter, routesByName, socketAddress } from "./values.ts";

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
  readonly services: readonly Cluster[];
  readonly listener: InboundListenerParts;
  /** Absent where traffic is bytes. */
  readonly routes: RouteConfiguration | undefined;
}

/** Translates the part of an inbound that does not depend on where it listens. */
export function translateInbound(
  plan: InboundSharedPlan,
  definitions: readonly PolicyDefinition[],
): TranslatedInbound {
  const callers = callerGroups(
    definitions.flatMap((definition) => {
      const entry = plan.policies[definition.kind.type];
      return entry === undefined ? [] : (definition.callers?.(entry) ?? []);
    }),
  );
  const draft = draftInbound(plan, callers);
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
  const socket = downstreamTls(plan.tls, draft.tlsParams);
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

/** The routes of an inbound, with the decision who may call: chains without mesh TLS have no filter that reads it. */
function routeConfiguration(plan: InboundSharedPlan, draft: InboundDraft): RouteConfiguration {
  const rbac = draft.authorization?.http;
  return create(RouteConfigurationSchema, {
    name: plan.routeName,
    virtualHosts: [
      create(VirtualHostSchema, {
        name: plan.virtualHost,
        domains: ["*"],
        routes: draft.routes.map(({ route }) => route),
        typedPerFilterConfig: {
          ...draft.virtualHostConfig,
          ...(rbac === undefined
            ? {}
            : { [RBAC_FILTER]: packAny(RBACPerRouteSchema, create(RBACPerRouteSchema, { rbac })) }),
        },
      }),
    ],
    validateClusters: false,
    requestHeadersToRemove: [CALLER_TAGS_HEADER],
  });
}

const RBAC_FILTER = "envoy.filters.http.rbac";

/** Refuses everybody by itself: what the routes say takes its place. */
function closedRbacFilter(): HttpFilter {
  const nobody = create(RBACSchema, { rules: create(RulesSchema, { action: RBAC_Action.ALLOW }) });
  return httpFilter(RBAC_FILTER, RBACSchema, nobody);
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
  const base = {
    protocol: plan.protocol,
    statPrefix: plan.statPrefix,
    cluster,
    httpOptions: httpOptions(plan.protocol === "http" || plan.protocol === "tcp" ? "http1" : "http2"),
    tlsParams: undefined,
    virtualHostConfig: {},
    networkFilters: [],
    services: new Map(),
    authorization: undefined,
  };
  if (!isHttp(plan.protocol)) {
    return {
      ...base,
      hcm: undefined,
      tcp: create(TcpProxySchema, {
        statPrefix: plan.statPrefix,
        clusterSpecifier: { case: "cluster", value: plan.clusterName },
      }),
      routes: [],
    };
  }
  const route = create(RouteSchema, {
    match: create(RouteMatchSchema, { pathSpecifier: { case: "prefix", value: "/" } }),
    action: {
      case: "route",
      value: create(RouteActionSchema, { clusterSpecifier: { case: "cluster", value: plan.clusterName } }),
    },
  });

  const hcm = create(HttpConnectionManagerSchema, {
    statPrefix: plan.statPrefix,
    forwardClientCertDetails: ForwardClientCert.SANITIZE_SET,
    setCurrentClientCertDetails: create(SetCertDetailsSchema, { uri: true }),
    commonHttpProtocolOptions: create(HttpProtocolOptionsSchema),
    internalAddressConfig: internalAddresses(),
    httpFilters: baseHttpFilters(plan.protocol),
    routeSpecifier: routesByName(plan.routeName),
  });
  return { ...base, hcm, tcp: undefined, routes: callerRoutes(route, callers) };
}

/** The network filters of a chain; only chains with mesh TLS know who calls, so only they decide on it. */
function applicationFilters(draft: InboundDraft, secured: boolean): Filter[] {
  const authorization = secured ? draft.authorization : undefined;
  const first = draft.networkFilters;
  if (draft.hcm !== undefined) {
    const callerState = secured && draft.routes.some(({ caller }) => caller !== undefined);
    const hcm: HttpConnectionManager =
      authorization?.http === undefined
        ? draft.hcm
        : { ...draft.hcm, httpFilters: [closedRbacFilter(), ...draft.hcm.httpFilters] };
    return [
      ...(callerState ? [callerStateFilter()] : []),
      ...first,
      networkFilter("envoy.filters.network.http_connection_manager", HttpConnectionManagerSchema, hcm),
    ];
  }
  const last = draft.tcp === undefined ? [] : [tcpProxy(draft.tcp)];
  return [...(authorization?.network === undefined ? [] : [authorization.network]), ...first, ...last];
}

function tcpProxy(config: TcpProxy): Filter {
  return networkFilter("envoy.filters.network.tcp_proxy", TcpProxySchema, config);
}

function chain(
  filters: Filter[],
  match: { transportProtocol: string; applicationProtocols?: string[] } | undefined,
  transportSocket: TransportSocket | undefined,
): FilterChain {
  const result = create(FilterChainSchema, { filters });
  if (match !== undefined) result.filterChainMatch = create(FilterChainMatchSchema, match);
  if (transportSocket !== undefined) result.transportSocket = transportSocket;
  return result;
}

function tlsInspector(): ListenerFilter {
  return create(ListenerFilterSchema, {
    name: "envoy.filters.listener.tls_inspector",
    configType: { case: "typedConfig", value: packAny(TlsInspectorSchema, create(TlsInspectorSchema)) },
  });
}

/** Envoy only knows the name a client asked for when the inspector has looked. */
function usesServerName(plan: InboundSharedPlan): boolean {
  return JSON.stringify(plan.policies).includes('"sni":{');
}
