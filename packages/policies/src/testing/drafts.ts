import { clone, create, type DescMessage, type MessageShape, toJson } from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { RouteActionSchema, RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import { HttpProtocolOptionsSchema } from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import { envoyRegistry } from "@skein/envoy-api/registry";
import type { InboundDraft, OutboundDraft, OutboundRouteDraft } from "../draft.ts";
import type { CallerMatch } from "../engine/policy-resource.ts";
import type { Protocol } from "../plan/destination-plan.ts";

/** A draft that no policy has touched, with the parts that its protocol has and one route where it has routes. */
export function outboundDraft(protocol: Protocol = "http"): OutboundDraft {
  const isHttp = protocol !== "tcp";
  const routes: OutboundRouteDraft[] = isHttp
    ? [{ route: create(RouteSchema, { action: { case: "route", value: create(RouteActionSchema) } }) }]
    : [];
  return {
    isExternal: false,
    protocol,
    cluster: create(ClusterSchema, { name: "c" }),
    httpOptions: create(HttpProtocolOptionsSchema),
    tlsParams: undefined,
    hcm: isHttp ? create(HttpConnectionManagerSchema) : undefined,
    tcp: isHttp ? undefined : create(TcpProxySchema),
    routes,
    backends: {},
    requestHeaders: new Map(),
  };
}

/** The same for an inbound, with a route for each of these callers before the one for all. */
export function inboundDraft(
  protocol: Protocol = "http",
  callers: readonly CallerMatch[] = [],
): InboundDraft {
  const { backends: _, requestHeaders: __, routes, ...draft } = outboundDraft(protocol);
  return {
    ...draft,
    routes: routes.flatMap(({ route }) => [
      ...callers.map((caller) => ({ route: clone(RouteSchema, route), caller })),
      { route },
    ]),
    virtualHostConfig: {},
    networkFilters: [],
    services: new Map(),
    statPrefix: "localhost_8080",
    authorization: undefined,
    admittedIds: undefined,
  };
}

/** A message as the JSON that Envoy documents, with whatever is packed inside unpacked. */
export function json<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): unknown {
  return toJson(schema, message, { registry: envoyRegistry });
}

/** All of a draft that policies change, as JSON. */
export function draftJson(draft: OutboundDraft | InboundDraft): Record<string, unknown> {
  return {
    cluster: json(ClusterSchema, draft.cluster),
    httpOptions: json(HttpProtocolOptionsSchema, draft.httpOptions),
    hcm: draft.hcm === undefined ? undefined : json(HttpConnectionManagerSchema, draft.hcm),
    tcp: draft.tcp === undefined ? undefined : json(TcpProxySchema, draft.tcp),
    route:
      draft.routes[0] === undefined
        ? undefined
        : (json(RouteSchema, draft.routes[0].route) as { readonly route?: unknown }).route,
  };
}
