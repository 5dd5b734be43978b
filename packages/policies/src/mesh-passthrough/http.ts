import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "@skein/envoy-api";
import { DataSourceSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  Http1ProtocolOptionsSchema,
  Http2ProtocolOptionsSchema,
} from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import type { Filter } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import {
  DirectResponseActionSchema,
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  type VirtualHost,
  VirtualHostSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { FilterConfigSchema as GrpcStatsSchema } from "@skein/envoy-api/envoy/extensions/filters/http/grpc_stats/v3/config_pb";
import { RouterSchema } from "@skein/envoy-api/envoy/extensions/filters/http/router/v3/router_pb";
import {
  HttpConnectionManager_CodecType as CodecType,
  HttpConnectionManagerSchema,
  HttpConnectionManager_ServerHeaderTransformation as ServerHeader,
  HttpConnectionManager_UpgradeConfigSchema as UpgradeSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import {
  HttpProtocolOptions_UseDownstreamHttpConfigSchema as AsItComesSchema,
  HttpProtocolOptions_ExplicitHttpConfigSchema as ExplicitSchema,
  HttpProtocolOptionsSchema,
} from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import { addHttpFilter } from "../engine/http-filters.ts";
import { duration } from "../envoy-values.ts";
import { networkFilter, statName } from "../network-filter.ts";
import type { ChainPlan } from "./chains.ts";
import type { Entry } from "./entries.ts";

const ROUTER = "envoy.filters.http.router";
const NO_ROUTE = "no entry of a MeshPassthrough is about this host\n";

/**
 * Takes the requests of a chain: by host where its entries are names, all of them where it is for addresses. What goes
 * through is left as it is: to the other side there is no proxy.
 */
export function connectionManager(chain: ChainPlan, clusterName: (entry: Entry) => string): Filter {
  const { name, entries } = chain;
  const hcm = create(HttpConnectionManagerSchema, {
    statPrefix: statName(name),
    codecType: CodecType.AUTO,
    httpProtocolOptions: create(Http1ProtocolOptionsSchema, { acceptHttp10: true }),
    serverHeaderTransformation: ServerHeader.PASS_THROUGH,
    generateRequestId: false,
    streamIdleTimeout: duration("30m"),
    upgradeConfigs: [create(UpgradeSchema, { upgradeType: "websocket" })],
    routeSpecifier: {
      case: "routeConfig",
      value: create(RouteConfigurationSchema, {
        name,
        virtualHosts: virtualHosts(chain, clusterName),
        validateClusters: false,
      }),
    },
  });
  addHttpFilter(hcm, ROUTER, RouterSchema, create(RouterSchema, { suppressEnvoyHeaders: true }));
  if (entries.some(({ protocol }) => protocol === "grpc")) {
    addHttpFilter(
      hcm,
      "envoy.filters.http.grpc_stats",
      GrpcStatsSchema,
      create(GrpcStatsSchema, { emitFilterState: true }),
    );
  }
  return networkFilter("envoy.filters.network.http_connection_manager", HttpConnectionManagerSchema, hcm);
}

/** Which HTTP a cluster speaks: HTTP/2, or the version that the application chose. */
export function upstreamHttp(version: "as it comes" | "http2"): Record<string, Any> {
  const http2 = create(Http2ProtocolOptionsSchema);
  const options = create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions:
      version === "http2"
        ? {
            case: "explicitHttpConfig",
            value: create(ExplicitSchema, { protocolConfig: { case: "http2ProtocolOptions", value: http2 } }),
          }
        : {
            case: "useDownstreamProtocolConfig",
            value: create(AsItComesSchema, {
              httpProtocolOptions: create(Http1ProtocolOptionsSchema),
              http2ProtocolOptions: http2,
            }),
          },
  });
  return {
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": packAny(HttpProtocolOptionsSchema, options),
  };
}

function virtualHosts({ entries, port }: ChainPlan, clusterName: (entry: Entry) => string): VirtualHost[] {
  const hosts = entries.map((entry) =>
    create(VirtualHostSchema, {
      name: entry.value,
      domains: domainsOf(entry, port),
      routes: [
        create(RouteSchema, {
          match: everyPath(),
          action: {
            case: "route",
            value: create(RouteActionSchema, {
              clusterSpecifier: { case: "cluster", value: clusterName(entry) },
              timeout: duration("0s"),
            }),
          },
        }),
      ],
    }),
  );
  if (hosts.some(({ domains }) => domains.includes("*"))) return hosts;
  return [...hosts, noMatch()];
}

/** The forms of `Host` that mean the entry's destination: with the port, or without. */
function domainsOf({ destination }: Entry, port: number | undefined): string[] {
  if (destination.kind === "addresses" || destination.name === "*") return ["*"];
  return [destination.name, `${destination.name}:${port ?? "*"}`];
}

function noMatch(): VirtualHost {
  return create(VirtualHostSchema, {
    name: "no_match",
    domains: ["*"],
    routes: [
      create(RouteSchema, {
        match: everyPath(),
        action: {
          case: "directResponse",
          value: create(DirectResponseActionSchema, {
            status: 503,
            body: create(DataSourceSchema, { specifier: { case: "inlineString", value: NO_ROUTE } }),
          }),
        },
      }),
    ],
  });
}

function everyPath() {
  return create(RouteMatchSchema, { pathSpecifier: { case: "prefix", value: "/" } });
}
