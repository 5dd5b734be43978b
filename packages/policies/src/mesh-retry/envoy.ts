import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { MetadataSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  RetryPolicy_RetryBackOffSchema as BackOffSchema,
  RetryPolicy_RetryHostPredicateSchema as HostPredicateSchema,
  RetryPolicy_RateLimitedRetryBackOffSchema as RateLimitedSchema,
  RetryPolicy_ResetHeaderFormat as ResetFormat,
  RetryPolicy_ResetHeaderSchema as ResetHeaderSchema,
  type RetryPolicy,
  type RetryPolicy_RetryBackOff,
  RetryPolicySchema,
  RetryPolicy_RetryPrioritySchema as RetryPrioritySchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { OmitHostMetadataConfigSchema } from "@skein/envoy-api/envoy/extensions/retry/host/omit_host_metadata/v3/omit_host_metadata_config_pb";
import { PreviousHostsPredicateSchema } from "@skein/envoy-api/envoy/extensions/retry/host/previous_hosts/v3/previous_hosts_pb";
import { PreviousPrioritiesConfigSchema } from "@skein/envoy-api/envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config_pb";
import { durationMs } from "@skein/model";
import type { OutboundDraft } from "../draft.ts";
import { type ByRoute, forRoute } from "../engine/by-route.ts";
import { duration } from "../envoy-values.ts";
import { headerMatcher } from "../header-match.ts";
import type { GrpcRetry, HostSelection, HttpRetry, MeshRetryConf, RetryLimits } from "./conf.ts";
import { grpcRetryOn, httpRetryOn } from "./retry-on.ts";

/** Envoy's own first pause. */
const DEFAULT_BASE = "25ms";

/** Retries of calls to a destination, by its protocol. HTTP/2 services are HTTP: they get the `http` part too. */
export function retries(plan: ByRoute<MeshRetryConf>, draft: OutboundDraft): void {
  const { conf } = plan;
  if (draft.tcp !== undefined) {
    if (conf.tcp?.maxConnectAttempt !== undefined) draft.tcp.maxConnectAttempts = conf.tcp.maxConnectAttempt;
    return;
  }
  for (const each of draft.routes) {
    const { grpc, http } = forRoute(plan, each)?.conf ?? conf;
    const policy = draft.protocol === "grpc" ? grpcPolicy(grpc) : httpPolicy(http);
    if (policy !== undefined && each.route.action.case === "route") {
      each.route.action.value.retryPolicy = policy;
    }
  }
}

function httpPolicy(conf: HttpRetry | undefined): RetryPolicy | undefined {
  if (conf === undefined || conf.numRetries === 0) return undefined;
  const on = httpRetryOn(conf.retryOn ?? []);
  const policy = create(RetryPolicySchema, {
    retryOn: on.conditions,
    retriableStatusCodes: [...on.statusCodes],
  });
  limits(conf, policy);
  policy.retriableHeaders = (conf.retriableResponseHeaders ?? []).map(headerMatcher);
  // Envoy looks at the list only when it is told to.
  if (policy.retriableHeaders.length > 0) policy.retryOn += ",retriable-headers";
  policy.retriableRequestHeaders = [
    ...on.methods.map((method) => headerMatcher({ name: ":method", type: "Exact", value: method })),
    ...(conf.retriableRequestHeaders ?? []).map(headerMatcher),
  ];
  for (const selection of conf.hostSelection ?? []) hostSelection(selection, policy);
  if (conf.hostSelectionMaxAttempts === 0) {
    // Envoy takes 0 for its default of one. Without an attempt at another instance the first one drawn is right.
    policy.retryHostPredicate = [];
  } else if (conf.hostSelectionMaxAttempts !== undefined) {
    policy.hostSelectionRetryMaxAttempts = BigInt(conf.hostSelectionMaxAttempts);
  }
  return policy;
}

function grpcPolicy(conf: GrpcRetry | undefined): RetryPolicy | undefined {
  if (conf === undefined || conf.numRetries === 0) return undefined;
  const policy = create(RetryPolicySchema, { retryOn: grpcRetryOn(conf.retryOn ?? []) });
  limits(conf, policy);
  return policy;
}

function limits(conf: RetryLimits, policy: RetryPolicy): void {
  if (conf.numRetries !== undefined) policy.numRetries = conf.numRetries;
  if (conf.perTryTimeout !== undefined) policy.perTryTimeout = duration(conf.perTryTimeout);
  if (conf.backOff !== undefined) policy.retryBackOff = backOff(conf.backOff);
  const limited = conf.rateLimitedBackOff;
  if (limited === undefined) return;
  policy.rateLimitedRetryBackOff = create(RateLimitedSchema, {
    resetHeaders: (limited.resetHeaders ?? []).map(({ name, format }) =>
      create(ResetHeaderSchema, {
        name,
        format: format === "Seconds" ? ResetFormat.SECONDS : ResetFormat.UNIX_TIMESTAMP,
      }),
    ),
  });
  if (limited.maxInterval !== undefined)
    policy.rateLimitedRetryBackOff.maxInterval = duration(limited.maxInterval);
}

/** Envoy takes no first pause above the longest, which two policies may say together; then all are the longest. */
function backOff({
  baseInterval = DEFAULT_BASE,
  maxInterval,
}: NonNullable<RetryLimits["backOff"]>): RetryPolicy_RetryBackOff {
  const isAbove = maxInterval !== undefined && durationMs(baseInterval) > durationMs(maxInterval);
  const made = create(BackOffSchema, { baseInterval: duration(isAbove ? maxInterval : baseInterval) });
  if (maxInterval !== undefined) made.maxInterval = duration(maxInterval);
  return made;
}

function hostSelection(selection: HostSelection, policy: RetryPolicy): void {
  switch (selection.predicate) {
    case "OmitPreviousHosts":
      policy.retryHostPredicate.push(
        create(HostPredicateSchema, {
          name: "envoy.retry_host_predicates.previous_hosts",
          configType: {
            case: "typedConfig",
            value: anyPack(PreviousHostsPredicateSchema, create(PreviousHostsPredicateSchema)),
          },
        }),
      );
      return;
    case "OmitHostsWithTags":
      policy.retryHostPredicate.push(
        create(HostPredicateSchema, {
          name: "envoy.retry_host_predicates.omit_host_metadata",
          configType: {
            case: "typedConfig",
            value: anyPack(OmitHostMetadataConfigSchema, omitTags(selection.tags)),
          },
        }),
      );
      return;
    case "OmitPreviousPriorities":
      policy.retryPriority = create(RetryPrioritySchema, {
        name: "envoy.retry_priorities.previous_priorities",
        configType: {
          case: "typedConfig",
          value: anyPack(
            PreviousPrioritiesConfigSchema,
            create(PreviousPrioritiesConfigSchema, { updateFrequency: selection.updateFrequency ?? 2 }),
          ),
        },
      });
  }
}

function omitTags(tags: Readonly<Record<string, string>> | undefined) {
  return create(OmitHostMetadataConfigSchema, {
    metadataMatch: create(MetadataSchema, { filterMetadata: { "envoy.lb": { ...tags } } }),
  });
}
