import { create } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import type { Cluster } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import type { TransportSocket } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { HttpProtocolOptionsSchema } from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import {
  type Filter,
  type FilterChain,
  FilterChainMatchSchema,
  FilterChainSchema,
  type ListenerFilter,
  ListenerFilterSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { RBAC_Action, RBACSchema as RulesSchema } from "@skein/envoy-api/envoy/config/rbac/v3/rbac_pb";
import {
  type RouteAction,
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
  type InboundDraft,
  networkFilter,
  type PolicyDefinition,
  type ServingPlan,
} from "@skein/policies";
import { callerRoutes, callerStateFilter } from "./caller-state.ts";
import { baseHttpFilters, httpOptions, internalAddresses, isHttp } from "./http.ts";
import { httpFilter, routesByName } from "./values.ts";

/** The callers for which some policy asks for routes of their own. */
export function callersOf(
  { policies }: ServingPlan,
  definitions: readonly PolicyDefinition[],
): readonly CallerMatch[] {
  return callerGroups(
    definitions.flatMap((definition) => {
      const entry = policies[definition.kind.type];
      return entry === undefined ? [] : (definition.callers?.(entry) ?? []);
    }),
  );
}

/** What is done with the connections that callers open, before any policy: one route takes all requests. */
export function draftServing(
  plan: ServingPlan,
  cluster: Cluster,
  toApplication: RouteAction,
  callers: readonly CallerMatch[],
): InboundDraft {
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
    admittedIds: undefined,
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
    action: { case: "route", value: toApplication },
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

/** The routes to what is called, with the decision who may: chains without mesh TLS have no filter that reads it. */
export function routeConfiguration(plan: ServingPlan, draft: InboundDraft): RouteConfiguration {
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

/** The network filters of a chain; only chains with mesh TLS know who calls, so only they decide on it. */
export function applicationFilters(draft: InboundDraft, secured: boolean): Filter[] {
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

/** The filter that passes bytes on. */
export function tcpProxy(config: TcpProxy): Filter {
  return networkFilter("envoy.filters.network.tcp_proxy", TcpProxySchema, config);
}

/** A filter chain; without a match it takes every connection. */
export function chain(
  filters: Filter[],
  match: { transportProtocol: string; applicationProtocols?: string[]; serverNames?: string[] } | undefined,
  transportSocket: TransportSocket | undefined,
): FilterChain {
  const result = create(FilterChainSchema, { filters });
  if (match !== undefined) result.filterChainMatch = create(FilterChainMatchSchema, match);
  if (transportSocket !== undefined) result.transportSocket = transportSocket;
  return result;
}

/** Looks into the beginning of TLS, for chains that are told apart by it. */
export function tlsInspector(): ListenerFilter {
  return create(ListenerFilterSchema, {
    name: "envoy.filters.listener.tls_inspector",
    configType: { case: "typedConfig", value: packAny(TlsInspectorSchema, create(TlsInspectorSchema)) },
  });
}
