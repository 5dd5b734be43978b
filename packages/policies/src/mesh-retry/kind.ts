import { duration, durationMs, type Violation } from "@skein/model";
import * as z from "zod";
import { atLeastOne, positive, positiveDuration } from "../engine/checks.ts";
import { policyKind } from "../engine/policy-kind.ts";
import { headerMatchesSchema, headerMatchViolations } from "../header-match-schema.ts";
import { headerName } from "../header-name.ts";
import type { GrpcRetry, HttpRetry, MeshRetryConf } from "./conf.ts";
import { GRPC_RETRY_ON, HTTP_RETRY_ON } from "./retry-on.ts";

const MAX_INT32 = 2_147_483_647;
const count = () => z.int().min(0).max(4_294_967_295).optional();

const limits = {
  numRetries: count(),
  perTryTimeout: duration().optional(),
  backOff: z.object({ baseInterval: duration().optional(), maxInterval: duration().optional() }).optional(),
  rateLimitedBackOff: z
    .object({
      maxInterval: duration().optional(),
      resetHeaders: z
        .array(z.object({ name: headerName(), format: z.enum(["Seconds", "UnixTimestamp"]) }))
        .optional(),
    })
    .optional(),
};

/** A status code stands for itself; everything else is one of the named conditions. */
const httpRetryOn = z.union([
  z.enum(HTTP_RETRY_ON as [string, ...string[]]),
  z.string().regex(/^[1-5][0-9]{2}$/, "must be a condition such as GatewayError, or an HTTP status code"),
]);

const conf: z.ZodType<MeshRetryConf> = z.object({
  tcp: z.object({ maxConnectAttempt: count() }).optional(),
  http: z
    .object({
      ...limits,
      retryOn: z.array(httpRetryOn).optional(),
      retriableResponseHeaders: headerMatchesSchema,
      retriableRequestHeaders: headerMatchesSchema,
      hostSelection: z
        .array(
          z.object({
            predicate: z.enum(["OmitPreviousHosts", "OmitHostsWithTags", "OmitPreviousPriorities"]),
            tags: z.record(z.string(), z.string()).optional(),
            updateFrequency: z.int().max(MAX_INT32).default(2),
          }),
        )
        .optional(),
      hostSelectionMaxAttempts: z.int().min(0).optional(),
    })
    .optional(),
  grpc: z
    .object({ ...limits, retryOn: z.array(z.enum(GRPC_RETRY_ON as [string, ...string[]])).optional() })
    .optional(),
});

/** MeshRetry as a resource. */
export const meshRetryKind = policyKind<MeshRetryConf>({
  type: "MeshRetry",
  path: "meshretries",
  shortName: "mr",
  cli: { singular: "meshretry", plural: "meshretries" },
  displayName: { singular: "Mesh Retry", plural: "Mesh Retries" },
  description: "Which calls that failed are made again, how often and how soon.",
  conf,
  topKinds: [
    "Mesh",
    "Dataplane",
    "MeshSubset",
    "MeshService",
    "MeshServiceSubset",
    "MeshGateway",
    "MeshHTTPRoute",
  ],
  toKinds: ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService", "MeshHTTPRoute"],
  toKindsOfGateway: ["Mesh", "MeshExternalService"],
  needsBlock: false,
  validateConf(value, path) {
    return [
      ...atLeastOne(value, ["tcp", "http", "grpc"], path),
      ...(value.tcp === undefined ? [] : atLeastOne(value.tcp, ["maxConnectAttempt"], `${path}.tcp`)),
      ...positive(value.tcp?.maxConnectAttempt, `${path}.tcp.maxConnectAttempt`),
      ...(value.http === undefined ? [] : validateHttp(value.http, `${path}.http`)),
      ...(value.grpc === undefined ? [] : validateLimits(value.grpc, `${path}.grpc`, [...LIMITS, "retryOn"])),
    ];
  },
});

const LIMITS = ["numRetries", "perTryTimeout", "backOff", "rateLimitedBackOff"];
const HTTP = [...LIMITS, "retryOn", "retriableResponseHeaders", "retriableRequestHeaders", "hostSelection"];

function validateLimits(value: GrpcRetry, path: string, fields: readonly string[]): readonly Violation[] {
  const { backOff, rateLimitedBackOff } = value;
  return [
    ...atLeastOne(value, fields, path),
    ...positiveDuration(value.perTryTimeout, `${path}.perTryTimeout`),
    ...(backOff === undefined ? [] : atLeastOne(backOff, ["baseInterval", "maxInterval"], `${path}.backOff`)),
    ...positiveDuration(backOff?.baseInterval, `${path}.backOff.baseInterval`),
    ...positiveDuration(backOff?.maxInterval, `${path}.backOff.maxInterval`),
    ...intervalViolations(backOff, `${path}.backOff`),
    ...positiveDuration(rateLimitedBackOff?.maxInterval, `${path}.rateLimitedBackOff.maxInterval`),
    ...(rateLimitedBackOff !== undefined && (rateLimitedBackOff.resetHeaders ?? []).length === 0
      ? [{ field: `${path}.rateLimitedBackOff.resetHeaders`, reason: "must be defined" }]
      : []),
  ];
}

function intervalViolations(backOff: GrpcRetry["backOff"], path: string): readonly Violation[] {
  const { baseInterval, maxInterval } = backOff ?? {};
  if (baseInterval === undefined || maxInterval === undefined) return [];
  return durationMs(maxInterval) < durationMs(baseInterval)
    ? [{ field: `${path}.maxInterval`, reason: "must not be less than baseInterval" }]
    : [];
}

function validateHttp(value: HttpRetry, path: string): readonly Violation[] {
  const selection = value.hostSelection ?? [];
  return [
    ...validateLimits(value, path, HTTP),
    ...headerMatchViolations(value.retriableResponseHeaders, `${path}.retriableResponseHeaders`),
    ...headerMatchViolations(value.retriableRequestHeaders, `${path}.retriableRequestHeaders`),
    ...selection.flatMap(({ predicate, tags, updateFrequency }, i) => [
      ...(predicate === "OmitHostsWithTags" && Object.keys(tags ?? {}).length === 0
        ? [
            {
              field: `${path}.hostSelection[${i}].tags`,
              reason: "must be defined when predicate is OmitHostsWithTags",
            },
          ]
        : []),
      ...(predicate === "OmitPreviousPriorities"
        ? positive(updateFrequency, `${path}.hostSelection[${i}].updateFrequency`)
        : []),
    ]),
    ...(selection.filter(({ predicate }) => predicate === "OmitPreviousPriorities").length > 1
      ? [{ field: `${path}.hostSelection`, reason: "OmitPreviousPriorities must be there only once" }]
      : []),
  ];
}
