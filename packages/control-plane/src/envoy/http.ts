import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { packAny } from "@skein/envoy-api";
import { CidrRangeSchema } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import {
  Http1ProtocolOptionsSchema,
  Http2ProtocolOptionsSchema,
} from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import { FilterConfigSchema as GrpcStatsSchema } from "@skein/envoy-api/envoy/extensions/filters/http/grpc_stats/v3/config_pb";
import { RouterSchema } from "@skein/envoy-api/envoy/extensions/filters/http/router/v3/router_pb";
import {
  type HttpFilter,
  type HttpConnectionManager_InternalAddressConfig as InternalAddressConfig,
  HttpConnectionManager_InternalAddressConfigSchema as InternalAddressConfigSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import {
  HttpProtocolOptions_ExplicitHttpConfigSchema as ExplicitSchema,
  type HttpProtocolOptions,
  HttpProtocolOptionsSchema,
} from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import type { Protocol } from "@skein/policies";
import { httpFilter } from "./values.ts";

/** Under which name a cluster carries them. */
export const PROTOCOL_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

/** Which HTTP version a cluster speaks. */
export function httpOptions(version: "http1" | "http2"): HttpProtocolOptions {
  return create(HttpProtocolOptionsSchema, {
    upstreamProtocolOptions: {
      case: "explicitHttpConfig",
      value: create(ExplicitSchema, {
        protocolConfig:
          version === "http2"
            ? { case: "http2ProtocolOptions", value: create(Http2ProtocolOptionsSchema) }
            : { case: "httpProtocolOptions", value: create(Http1ProtocolOptionsSchema) },
      }),
    },
  });
}

/** The options as a cluster carries them. */
export function packedHttpOptions(options: HttpProtocolOptions): Record<string, Any> {
  return { [PROTOCOL_OPTIONS]: packAny(HttpProtocolOptionsSchema, options) };
}

/** Whether a protocol is handled request by request. */
export function isHttp(protocol: Protocol): boolean {
  return protocol !== "tcp";
}

/** The filters that a protocol brings along, the router last. */
export function baseHttpFilters(protocol: Protocol): HttpFilter[] {
  const router = httpFilter("envoy.filters.http.router", RouterSchema, create(RouterSchema));
  if (protocol !== "grpc") return [router];
  return [
    httpFilter(
      "envoy.filters.http.grpc_stats",
      GrpcStatsSchema,
      create(GrpcStatsSchema, { emitFilterState: true }),
    ),
    router,
  ];
}

const INTERNAL: readonly { readonly prefix: string; readonly length: number }[] = [
  { prefix: "10.0.0.0", length: 8 },
  { prefix: "192.168.0.0", length: 16 },
  { prefix: "172.16.0.0", length: 12 },
  { prefix: "fc00::", length: 7 },
  { prefix: "fd00::", length: 8 },
  { prefix: "127.0.0.1", length: 32 },
  { prefix: "::1", length: 128 },
];

/** Addresses whose requests count as internal: they may set `x-envoy-*` headers. */
export function internalAddresses(): InternalAddressConfig {
  return create(InternalAddressConfigSchema, {
    cidrRanges: INTERNAL.map(({ prefix, length }) =>
      create(CidrRangeSchema, { addressPrefix: prefix, prefixLen: length }),
    ),
  });
}
