import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import {
  Http2ProtocolOptionsSchema,
  HttpProtocolOptionsSchema,
  HttpProtocolOptions_HeadersWithUnderscoresAction as UnderscoresAction,
} from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import {
  DirectResponseActionSchema,
  RouteMatchSchema,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import {
  type HttpConnectionManager,
  HttpConnectionManagerSchema,
  HttpConnectionManager_InternalAddressConfigSchema as InternalAddressConfigSchema,
  HttpConnectionManager_UpgradeConfigSchema as UpgradeSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import {
  CALLER_TAGS_HEADER,
  type GatewayChainDraft,
  type GatewayChainPlan,
  type GatewayHostPlan,
  type GatewayRouteDraft,
  type GatewayVirtualHostDraft,
} from "@skein/policies";
import { liveBackends } from "@skein/policies/engine/backends";
import { gatewayRoute } from "@skein/policies/mesh-http-route/envoy";
import { baseHttpFilters } from "./http.ts";
import { leaveByRoutes } from "./leaving.ts";
import { headersToSet } from "./upstream-encoding.ts";
import { routesByName, seconds } from "./values.ts";

/** What clients see as the server of a gateway; the same as Kuma's, which dashboards know. */
const SERVER_NAME = "Kuma Gateway";
const MISDIRECTED = 421;
const MAX_STREAMS = 100;
const STREAM_WINDOW = 64 * 1024;
const CONNECTION_WINDOW = 1024 * 1024;

/** How requests of strangers are read, before any policy. */
export function edgeConnectionManager(name: string, statPrefix: string): HttpConnectionManager {
  return create(HttpConnectionManagerSchema, {
    statPrefix,
    serverName: SERVER_NAME,
    // The other end is the client, whatever it says of itself, and nobody out there is one of us.
    useRemoteAddress: true,
    internalAddressConfig: create(InternalAddressConfigSchema),
    // What routes match must be what the application makes of a path.
    normalizePath: true,
    mergeSlashes: true,
    requestHeadersTimeout: create(DurationSchema, { nanos: 500_000_000 }),
    streamIdleTimeout: seconds(5),
    commonHttpProtocolOptions: create(HttpProtocolOptionsSchema, {
      idleTimeout: seconds(300),
      headersWithUnderscoresAction: UnderscoresAction.REJECT_REQUEST,
    }),
    http2ProtocolOptions: create(Http2ProtocolOptionsSchema, {
      maxConcurrentStreams: MAX_STREAMS,
      initialStreamWindowSize: STREAM_WINDOW,
      initialConnectionWindowSize: CONNECTION_WINDOW,
    }),
    upgradeConfigs: [create(UpgradeSchema, { upgradeType: "websocket" })],
    httpFilters: baseHttpFilters("http"),
    routeSpecifier: routesByName(name),
  });
}

/** The virtual hosts of a listener in the making. */
export function virtualHostDrafts({ virtualHosts, backends }: GatewayHostPlan): GatewayVirtualHostDraft[] {
  return virtualHosts.map(({ hostname, routes }) => ({
    hostname,
    routes: routes.map(
      (plan): GatewayRouteDraft => ({
        route: gatewayRoute(plan, backends),
        policy: plan.policy,
        destinations: liveBackends(plan.backends ?? [], backends).map(({ destination }) => destination),
      }),
    ),
    config: {},
  }));
}

/** The routes of a chain. @param config by name of an HTTP filter, what it does on all of them @param drafts what policies made of the virtual hosts of each of its listeners */
export function gatewayRouteConfiguration(
  plan: GatewayChainPlan,
  config: GatewayChainDraft["config"],
  drafts: readonly (readonly GatewayVirtualHostDraft[])[],
): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name: plan.name,
    virtualHosts: [
      ...plan.hosts.flatMap(({ backends }, i) =>
        (drafts[i] ?? []).map((draft) => virtualHost(draft, backends, plan.callerTags)),
      ),
      ...plan.misdirected.map(misdirected),
    ],
    typedPerFilterConfig: config,
    validateClusters: false,
    // The host stays as the client named it, for redirects and for applications.
    ignorePortInHostMatching: true,
    // Nobody out there says who calls.
    internalOnlyHeaders: [CALLER_TAGS_HEADER],
  });
}

function virtualHost(
  { hostname, routes, config }: GatewayVirtualHostDraft,
  backends: GatewayHostPlan["backends"],
  callerTags: string | undefined,
): VirtualHost {
  const headers = headersToSet(callerTags === undefined ? [] : [[CALLER_TAGS_HEADER, callerTags]]);
  const isPartlyOutside = leaveByRoutes(routes, backends, headers, []);
  return create(VirtualHostSchema, {
    name: hostname,
    domains: [hostname],
    routes: routes.map(({ route }) => route),
    typedPerFilterConfig: config,
    requestHeadersToAdd: isPartlyOutside ? [] : headers,
  });
}

/** Clients that use a connection for another host than they opened it for have to open one for that host. */
function misdirected(hostname: string): VirtualHost {
  return create(VirtualHostSchema, {
    name: `misdirected ${hostname}`,
    domains: [hostname],
    routes: [
      create(RouteSchema, {
        match: create(RouteMatchSchema, { pathSpecifier: { case: "prefix", value: "/" } }),
        action: {
          case: "directResponse",
          value: create(DirectResponseActionSchema, { status: MISDIRECTED }),
        },
      }),
    ],
  });
}
