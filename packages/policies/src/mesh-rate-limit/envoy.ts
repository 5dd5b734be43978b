import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { RuntimeFractionalPercentSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { type Filter, FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { FilterConfigSchema, type Route } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { LocalRateLimitSchema } from "@skein/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb";
import { LocalRateLimitSchema as NetworkRateLimitSchema } from "@skein/envoy-api/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb";
import { FractionalPercentSchema } from "@skein/envoy-api/envoy/type/v3/percent_pb";
import { type TokenBucket, TokenBucketSchema } from "@skein/envoy-api/envoy/type/v3/token_bucket_pb";
import type { InboundDraft, ListenerDraft } from "../draft.ts";
import { type ByCaller, forCallers } from "../engine/by-caller.ts";
import { type ByRoute, forRoute } from "../engine/by-route.ts";
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
  const limited = draft.routes.map(({ route, caller }) => ({ route, own: forCallers(plan, caller) }));
  requestLimits(plan, plan.callers ?? [], limited, draft);
}

/**
 * Limits of a listener of a gateway: one bucket for all of its host names, but for routes that a policy names, whose
 * requests draw from one of their own.
 */
export function listenerRateLimits(plan: ByRoute<MeshRateLimitConf> | undefined, draft: ListenerDraft): void {
  if (plan === undefined) return;
  connectionLimit(plan.conf, draft.name, draft.networkFilters);
  const limited = draft.routes.map((each) => ({ route: each.route, own: forRoute(plan, each) }));
  requestLimits(plan, Object.values(plan.routes ?? {}), limited, draft);
}

interface LimitedRoute {
  readonly route: Route;
  readonly own: Merged<MeshRateLimitConf> | undefined;
}

function requestLimits(
  plan: Merged<MeshRateLimitConf>,
  special: readonly Merged<MeshRateLimitConf>[],
  routes: readonly LimitedRoute[],
  draft: Pick<InboundDraft, "hcm" | "virtualHostConfig">,
): void {
  if (draft.hcm === undefined) return;
  const limits = [plan, ...special].map(({ conf }) => requestLimit(conf));
  if (limits.every((limit) => limit === undefined)) return;
  addHttpFilter(
    draft.hcm,
    HTTP_FILTER,
    LocalRateLimitSchema,
    create(LocalRateLimitSchema, { statPrefix: STAT_PREFIX }),
  );
  const common = requestLimit(plan.conf);
  if (common !== undefined) draft.virtualHostConfig[HTTP_FILTER] = common;
  for (const { route, own } of routes) {
    if (own === undefined || own === plan) continue;
    const limit = requestLimit(own.conf);
    if (limit !== undefined) route.typedPerFilterConfig[HTTP_FILTER] = limit;
    else if (common !== undefined) route.typedPerFilterConfig[HTTP_FILTER] = switchedOff();
  }
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

function switchedOff(): Any {
  return anyPack(FilterConfigSchema, create(FilterConfigSchema, { disabled: true }));
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
