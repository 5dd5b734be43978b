import { createHash } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { AddressSchema, PipeSchema } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import {
  DataSourceSchema,
  HeaderValueOptionSchema,
  HeaderValueSchema,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { FilterChainSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import {
  DirectResponseActionSchema,
  HeaderMatcherSchema,
  type Route,
  RouteMatchSchema,
  RouteSchema,
  VirtualHostSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { StringMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";
import type { DnsPlan, DnsRecord } from "@skein/policies";
import { altStatName, networkFilter } from "@skein/policies";
import { baseHttpFilters } from "./http.ts";
import { routesByName } from "./values.ts";

/** How long clients of DNS may remember an answer, in seconds. */
const TTL = 30;
/** Only the user that Envoy and its launcher run as. */
const SOCKET_MODE = 0o600;
const LEGACY_PREFIX = "_kuma:";

/**
 * The listener by which Envoy hands its launcher what the control plane says. What it says is in the routes, so that a
 * change does not replace the listener.
 */
export function dynamicConfigListener({ name, socket }: Pick<DnsPlan, "name" | "socket">): Listener {
  return create(ListenerSchema, {
    name,
    address: create(AddressSchema, {
      address: { case: "pipe", value: create(PipeSchema, { path: socket, mode: SOCKET_MODE }) },
    }),
    statPrefix: altStatName(name),
    filterChains: [
      create(FilterChainSchema, {
        filters: [
          networkFilter(
            "envoy.filters.network.http_connection_manager",
            HttpConnectionManagerSchema,
            create(HttpConnectionManagerSchema, {
              statPrefix: altStatName(name) || name,
              httpFilters: baseHttpFilters("http"),
              routeSpecifier: routesByName(name),
            }),
          ),
        ],
      }),
    ],
  });
}

/** `GET /dns`: the names as Kuma's launcher reads them, and 304 for who has them already. */
export function dnsRoutes(name: string, records: readonly DnsRecord[]): RouteConfiguration {
  const body = JSON.stringify({ records, ttl: TTL });
  const etag = createHash("sha256").update(body).digest("hex");
  const route = name.startsWith(LEGACY_PREFIX) ? `${name}:/dns` : `${name}_dns`;
  return create(RouteConfigurationSchema, {
    name,
    // 4 kB unless it is said otherwise.
    maxDirectResponseBodySizeBytes: Buffer.byteLength(body),
    virtualHosts: [
      create(VirtualHostSchema, {
        name,
        domains: ["*"],
        routes: [
          answer(`${route}_not_modified`, 304, { etag, ifNoneMatch: true }),
          answer(route, 200, { etag, body }),
        ],
      }),
    ],
  });
}

function answer(
  name: string,
  status: number,
  { etag, body, ifNoneMatch }: { readonly etag: string; readonly body?: string; readonly ifNoneMatch?: true },
): Route {
  return create(RouteSchema, {
    name,
    match: create(RouteMatchSchema, {
      pathSpecifier: { case: "path", value: "/dns" },
      headers: ifNoneMatch
        ? [
            create(HeaderMatcherSchema, {
              name: "if-none-match",
              headerMatchSpecifier: {
                case: "stringMatch",
                value: create(StringMatcherSchema, { matchPattern: { case: "exact", value: etag } }),
              },
            }),
          ]
        : [],
    }),
    action: {
      case: "directResponse",
      value: create(DirectResponseActionSchema, {
        status,
        ...(body === undefined
          ? {}
          : { body: create(DataSourceSchema, { specifier: { case: "inlineString", value: body } }) }),
      }),
    },
    responseHeadersToAdd: [
      create(HeaderValueOptionSchema, {
        header: create(HeaderValueSchema, { key: "etag", value: etag }),
      }),
    ],
  });
}
