import { create, equals } from "@bufbuild/protobuf";
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
  type Route,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { RateLimitSchema as FilterSchema } from "@skein/envoy-api/envoy/extensions/filters/http/ratelimit/v3/rate_limit_pb";
import { RateLimitUnit } from "@skein/envoy-api/envoy/type/v3/ratelimit_unit_pb";
import { durationMs } from "@skein/model";
import type { GatewayHostDraft, InboundDraft } from "../draft.ts";
import { addHostFilter, setForHost, switchedOff } from "../engine/gateway-filters.ts";
import { addHttpFilter } from "../engine/http-filters.ts";
import { duration, fractionalPercent } from "../envoy-values.ts";
import { refusalHeaders, refusalStatus } from "../on-rate-limit/envoy.ts";
import { serviceCluster } from "../service-cluster.ts";
import { meshGlobalRateLimitKind } from "./kind.ts";
import type { GlobalRateLimitPlan } from "./policy.ts";

const FILTER = "envoy.filters.http.ratelimit";
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
export function globalRateLimit(plan: GlobalRateLimitPlan, draft: InboundDraft): void {
  askService(plan, draft);
  count(
    plan,
    draft.routes.map(({ route }) => route),
  );
}

/** Asks the service about all requests whose routes say that they count. */
export function askService(plan: GlobalRateLimitPlan, { hcm, services }: Asking): void {
  const asked = filterOf(plan);
  if (hcm === undefined || asked === undefined) return;
  services.set(asked.service.cluster.name, asked.service);
  addHttpFilter(hcm, FILTER, FilterSchema, asked.filter);
}

/** Counts the requests of one listener of a gateway, at a service of its own where its port has another one. */
export function countForHost(
  plan: GlobalRateLimitPlan,
  draft: GatewayHostDraft,
  ofChain: GlobalRateLimitPlan | undefined,
): void {
  const asked = filterOf(plan);
  if (asked === undefined) return;
  const common = ofChain && filterOf(ofChain);
  if (common === undefined || !equals(FilterSchema, common.filter, asked.filter)) {
    if (common !== undefined) setForHost(draft, FILTER, switchedOff());
    draft.chain.services.set(asked.service.cluster.name, asked.service);
    addHostFilter(draft, FILTER, FilterSchema, asked.filter);
  }
  count(
    plan,
    draft.virtualHosts.flatMap(({ routes }) => routes.map(({ route }) => route)),
  );
}

type Asking = Pick<InboundDraft, "hcm" | "services">;

/** The question and whom it goes to; `undefined` as long as no policy says whom. */
function filterOf({ conf, mesh }: GlobalRateLimitPlan) {
  const backend = conf.backend?.rateLimitService;
  if (backend?.url === undefined) return undefined;
  const url = new URL(backend.url);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port || 80);
  const status = refusalStatus(conf.http?.onRateLimit);
  const cluster = `rate-limit-service:${host}:${port}`;
  return {
    service: { cluster: serviceCluster(cluster, host, port), askedBy: meshGlobalRateLimitKind.type },
    filter: create(FilterSchema, {
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
  };
}

/** Has the requests of routes count. */
function count({ conf, service }: GlobalRateLimitPlan, routes: readonly Route[]): void {
  const rate = conf.http?.requestRate;
  if (rate === undefined || conf.backend?.rateLimitService?.url === undefined) return;
  const limit = rateLimit(service, rate.num, UNITS.get(durationMs(rate.interval)) ?? RateLimitUnit.SECOND);
  for (const { action } of routes) if (action.case === "route") action.value.rateLimits.push(limit);
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
