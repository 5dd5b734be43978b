import { create } from "@bufbuild/protobuf";
import { RuntimeFractionalPercentSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { ApiVersion } from "@skein/envoy-api/envoy/config/core/v3/config_source_pb";
import {
  GrpcService_EnvoyGrpcSchema as EnvoyGrpcSchema,
  GrpcServiceSchema,
} from "@skein/envoy-api/envoy/config/core/v3/grpc_service_pb";
import { RateLimitServiceConfigSchema } from "@skein/envoy-api/envoy/config/ratelimit/v3/rls_pb";
import {
  RateLimit_Action_GenericKeySchema as GenericKeySchema,
  RateLimit_Override_RateLimitOverrideSchema as LimitSchema,
  RateLimit_OverrideSchema as OverrideSchema,
  type RateLimit,
  RateLimit_ActionSchema,
  RateLimitSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { RateLimitSchema as FilterSchema } from "@skein/envoy-api/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb";
import { RateLimitUnit } from "@skein/envoy-api/envoy/type/v3/ratelimit_unit_pb";
import { durationMs } from "@skein/model";
import type { InboundDraft, ListenerDraft } from "../draft.ts";
import { addHttpFilter } from "../engine/http-filters.ts";
import { duration, fractionalPercent } from "../envoy-values.ts";
import { refusalHeaders, refusalStatus } from "../on-rate-limit/envoy.ts";
import { serviceCluster } from "../service-cluster.ts";
import type { GlobalRateLimitPlan } from "./policy.ts";

const UNITS: ReadonlyMap<number, RateLimitUnit> = new Map([
  [1_000, RateLimitUnit.SECOND],
  [60_000, RateLimitUnit.MINUTE],
  [3_600_000, RateLimitUnit.HOUR],
  [86_400_000, RateLimitUnit.DAY],
]);

/**
 * Has Envoy ask the rate limit service before a request goes on. The limit travels with each question, so the service
 * needs no configuration. It stands in the routes, and the filter is there as soon as the service is known: so a
 * rate that is set or changed reaches open connections at once. A service that does not answer lets requests through.
 */
export function globalRateLimit(
  { conf, mesh, service }: GlobalRateLimitPlan,
  draft: InboundDraft | ListenerDraft,
): void {
  const rate = conf.http?.requestRate;
  const backend = conf.backend?.rateLimitService;
  if (draft.hcm === undefined || backend?.url === undefined) return;
  const url = new URL(backend.url);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || 80);
  const status = refusalStatus(conf.http?.onRateLimit);
  const cluster = `rate-limit-service:${host}:${port}`;
  draft.services.set(cluster, serviceCluster(cluster, host, port));
  addHttpFilter(
    draft.hcm,
    "envoy.filters.http.ratelimit",
    FilterSchema,
    create(FilterSchema, {
      domain: mesh,
      timeout: duration(backend.timeout ?? "25ms"),
      rateLimitService: create(RateLimitServiceConfigSchema, {
        grpcService: create(GrpcServiceSchema, {
          targetSpecifier: {
            case: "envoyGrpc",
            value: create(EnvoyGrpcSchema, { clusterName: cluster }),
          },
        }),
        transportApiVersion: ApiVersion.V3,
      }),
      ...(status === undefined ? {} : { rateLimitedStatus: status }),
      responseHeadersToAdd: refusalHeaders(conf.http?.onRateLimit),
      ...(conf.mode === "Shadow"
        ? { filterEnforced: create(RuntimeFractionalPercentSchema, { defaultValue: fractionalPercent(0) }) }
        : {}),
    }),
  );
  if (rate === undefined) return;
  const limit = rateLimit(service, rate.num, UNITS.get(durationMs(rate.interval)) ?? RateLimitUnit.SECOND);
  for (const { route } of draft.routes) {
    if (route.action.case === "route") route.action.value.rateLimits.push(limit);
  }
}

function rateLimit(service: string, requestsPerUnit: number, unit: RateLimitUnit): RateLimit {
  return create(RateLimitSchema, {
    actions: [
      create(RateLimit_ActionSchema, {
        actionSpecifier: {
          case: "genericKey",
          value: create(GenericKeySchema, { descriptorKey: "kuma.io/service", descriptorValue: service }),
        },
      }),
    ],
    limit: create(OverrideSchema, {
      overrideSpecifier: { case: "rateLimit", value: create(LimitSchema, { requestsPerUnit, unit }) },
    }),
  });
}
