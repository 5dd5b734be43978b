import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { RuntimeFractionalPercentSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { type Filter, FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import type { Route } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { LocalRateLimitSchema } from "@skein/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb";
import type { HttpConnectionManager } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { LocalRateLimitSchema as NetworkRateLimitSchema } from "@skein/envoy-api/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb";
import { FractionalPercentSchema } from "@skein/envoy-api/envoy/type/v3/percent_pb";
import { type TokenBucket, TokenBucketSchema } from "@skein/envoy-api/envoy/type/v3/token_bucket_pb";
import type { GatewayChainDraft, GatewayHostDraft, InboundDraft } from "../draft.ts";
import { type ByCaller, forCallers } from "../engine/by-caller.ts";
import { type ByRoute, forRoute } from "../engine/by-route.ts";
import { setForHost, switchedOff } from "../engine/gateway-filters.ts";
import { addHttpFilter } from "../engine/http-filters.ts";
import { duration } from "../envoy-values.ts";
import { refusalHeaders, refusalStatus } from "../on-rate-limit/envoy.ts";
import type { Merged } from "../plan/origin.ts";
import type { MeshRateLimitConf, Rate } from "./conf.ts";

const HTTP_FILTER = "envoy.filters.http.local_ratelimit";
/** Kuma's name, which patches refer to. */
const NETWORK_FILTER = "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit";
const STAT_PREFIX = "rate_limit";

/**
 * Limits of an inbound. The filter in the listener limits nothing by itself: the limits are in the routes, so a change of
 * them drains no connection. What holds for everybody is said once for the virtual host: all of its routes draw from
 * one bucket, however many of them other policies make. Callers with a rule of their own draw from one of their own.
 */
export function rateLimits(plan: ByCaller<MeshRateLimitConf> | undefined, draft: InboundDraft): void {
  if (plan === undefined) return;
  connectionLimit(plan.conf, draft.cluster.name, draft.networkFilters);
  if (draft.hcm === undefined || !limitsRequests([plan, ...(plan.callers ?? [])])) return;
  addFilter(draft.hcm);
  const common = requestLimit(plan.conf);
  if (common !== undefined) draft.virtualHostConfig[HTTP_FILTER] = common;
  for (const { route, caller } of draft.routes) ownLimit(route, forCallers(plan, caller), plan);
}

/** Limits of what comes by one port of a gateway: one bucket for all its host names that have no other limit. */
export function chainRateLimits(
  plan: ByRoute<MeshRateLimitConf> | undefined,
  draft: GatewayChainDraft,
): void {
  if (plan === undefined) return;
  connectionLimit(plan.conf, draft.statPrefix, draft.networkFilters);
  const common = requestLimit(plan.conf);
  if (draft.hcm === undefined || common === undefined) return;
  addFilter(draft.hcm);
  draft.config[HTTP_FILTER] = common;
}

/**
 * Limits of one listener of a gateway, where they are other ones than those of its port: a bucket for each host name that
 * its routes ask for. Routes that a policy names have one of their own.
 */
export function hostRateLimits(
  plan: ByRoute<MeshRateLimitConf> | undefined,
  draft: GatewayHostDraft,
  ofChain: ByRoute<MeshRateLimitConf> | undefined,
): void {
  const { hcm } = draft.chain;
  if (hcm === undefined || plan === undefined) return;
  if (limitsRequests([plan, ...Object.values(plan.routes ?? {})])) addFilter(hcm);
  if (plan !== ofChain) {
    const common = requestLimit(plan.conf);
    if (common !== undefined) setForHost(draft, HTTP_FILTER, common);
    else if (draft.chain.config[HTTP_FILTER] !== undefined) setForHost(draft, HTTP_FILTER, switchedOff());
  }
  for (const each of draft.virtualHosts.flatMap(({ routes }) => routes)) {
    ownLimit(each.route, forRoute(plan, each), plan);
  }
}

function limitsRequests(plans: readonly Merged<MeshRateLimitConf>[]): boolean {
  return plans.some(({ conf }) => requestLimit(conf) !== undefined);
}

/** The filter limits nothing by itself. */
function addFilter(hcm: HttpConnectionManager): void {
  const config = create(LocalRateLimitSchema, { statPrefix: STAT_PREFIX });
  addHttpFilter(hcm, HTTP_FILTER, LocalRateLimitSchema, config);
}

/** The limit of a route for which something else holds than for all others. */
function ownLimit(
  route: Route,
  own: Merged<MeshRateLimitConf> | undefined,
  common: Merged<MeshRateLimitConf>,
): void {
  if (own === undefined || own === common) return;
  const limit = requestLimit(own.conf);
  if (limit !== undefined) route.typedPerFilterConfig[HTTP_FILTER] = limit;
  else if (requestLimit(common.conf) !== undefined) route.typedPerFilterConfig[HTTP_FILTER] = switchedOff();
}

/** Ahead of what reads the connection: one over the limit is closed before a byte of it was looked at. */
function connectionLimit({ local }: MeshRateLimitConf, shareKey: string, networkFilters: Filter[]): void {
  const rate = local?.tcp?.disabled === true ? undefined : local?.tcp?.connectionRate;
  if (rate === undefined) return;
  const limit = create(NetworkRateLimitSchema, {
    statPrefix: "tcp_rate_limit",
    tokenBucket: tokenBucket(rate),
    // All chains of the listener draw from one bucket, and one that replaces another goes on with it.
    shareKey,
  });
  networkFilters.push(
    create(FilterSchema, {
      name: NETWORK_FILTER,
      configType: { case: "typedConfig", value: anyPack(NetworkRateLimitSchema, limit) },
    }),
  );
}

function requestLimit({ local }: MeshRateLimitConf): Any | undefined {
  const { disabled, requestRate, onRateLimit } = local?.http ?? {};
  if (disabled === true || requestRate === undefined) return undefined;
  const status = refusalStatus(onRateLimit);
  return anyPack(
    LocalRateLimitSchema,
    create(LocalRateLimitSchema, {
      statPrefix: STAT_PREFIX,
      tokenBucket: tokenBucket(requestRate),
      filterEnabled: always("local_rate_limit_enabled"),
      filterEnforced: always("local_rate_limit_enforced"),
      ...(status === undefined ? {} : { status }),
      responseHeadersToAdd: refusalHeaders(onRateLimit),
    }),
  );
}

function tokenBucket({ num, interval }: Rate): TokenBucket {
  return create(TokenBucketSchema, {
    maxTokens: num,
    tokensPerFill: num,
    fillInterval: duration(interval),
  });
}

function always(runtimeKey: string) {
  return create(RuntimeFractionalPercentSchema, {
    defaultValue: create(FractionalPercentSchema, { numerator: 100 }),
    runtimeKey,
  });
}
