import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { RuntimeFractionalPercentSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { FilterConfigSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { LocalRateLimitSchema } from "@skein/envoy-api/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb";
import { LocalRateLimitSchema as NetworkRateLimitSchema } from "@skein/envoy-api/envoy/extensions/filters/network/local_ratelimit/v3/local_rate_limit_pb";
import { FractionalPercentSchema } from "@skein/envoy-api/envoy/type/v3/percent_pb";
import { type TokenBucket, TokenBucketSchema } from "@skein/envoy-api/envoy/type/v3/token_bucket_pb";
import type { InboundDraft } from "../draft.ts";
import { type ByCaller, forCallers } from "../engine/by-caller.ts";
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
  connectionLimit(plan.conf, draft);
  if (draft.hcm === undefined) return;
  const limits = [plan, ...(plan.callers ?? [])].map(({ conf }) => requestLimit(conf));
  if (limits.every((limit) => limit === undefined)) return;
  addHttpFilter(
    draft.hcm,
    HTTP_FILTER,
    LocalRateLimitSchema,
    create(LocalRateLimitSchema, { statPrefix: STAT_PREFIX }),
  );
  const common = requestLimit(plan.conf);
  if (common !== undefined) draft.virtualHostConfig[HTTP_FILTER] = common;
  for (const { route, caller } of draft.routes) {
    const own: Merged<MeshRateLimitConf> | undefined = forCallers(plan, caller);
    if (own === undefined || own === plan) continue;
    const limit = requestLimit(own.conf);
    if (limit !== undefined) route.typedPerFilterConfig[HTTP_FILTER] = limit;
    else if (common !== undefined) route.typedPerFilterConfig[HTTP_FILTER] = switchedOff();
  }
}

/** Ahead of what reads the connection: one over the limit is closed before a byte of it was looked at. */
function connectionLimit({ local }: MeshRateLimitConf, draft: InboundDraft): void {
  const rate = local?.tcp?.disabled === true ? undefined : local?.tcp?.connectionRate;
  if (rate === undefined) return;
  const limit = create(NetworkRateLimitSchema, {
    statPrefix: "tcp_rate_limit",
    tokenBucket: tokenBucket(rate),
    // All chains of the listener draw from one bucket, and one that replaces another goes on with it.
    shareKey: draft.cluster.name,
  });
  draft.networkFilters.push(
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
