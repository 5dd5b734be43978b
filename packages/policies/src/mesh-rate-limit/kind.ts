import { duration, durationMs, type Violation } from "@skein/model";
import { z } from "zod";
import { atLeastOne, positive } from "../engine/checks.ts";
import { gatewayScopeViolations } from "../engine/gateway-scope.ts";
import { type ConfContext, policyKind } from "../engine/policy-kind.ts";
import type { PolicySpec } from "../engine/policy-resource.ts";
import type { Header, MeshRateLimitConf, OnRateLimit, Rate } from "./conf.ts";
import { FIRST_ERROR_STATUS, isErrorStatus } from "./statuses.ts";

const MAX_UINT32 = 4_294_967_295;
const MAX_HEADERS = 16;

const uint32 = z.int().min(0, "must not be negative").max(MAX_UINT32);
const rate = z.object({ num: uint32, interval: duration() });
const header = z.object({
  name: z
    .string()
    .max(256)
    .regex(/^[a-z0-9!#$%&'*+\-.^_`|~]+$/, { message: "must be the name of a header in lower case" }),
  value: z.string(),
});
const headers = z.array(header).max(MAX_HEADERS, `must have at most ${MAX_HEADERS} items`);

const conf: z.ZodType<MeshRateLimitConf> = z.object({
  local: z
    .object({
      http: z
        .object({
          disabled: z.boolean().optional(),
          requestRate: rate.optional(),
          onRateLimit: z
            .object({
              status: uint32.optional(),
              headers: z.object({ set: headers.optional(), add: headers.optional() }).optional(),
            })
            .optional(),
        })
        .optional(),
      tcp: z.object({ disabled: z.boolean().optional(), connectionRate: rate.optional() }).optional(),
    })
    .optional(),
});

/** MeshRateLimit as a resource. */
export const meshRateLimitKind = policyKind<MeshRateLimitConf>({
  type: "MeshRateLimit",
  path: "meshratelimits",
  shortName: "mrl",
  cli: { singular: "meshratelimit", plural: "meshratelimits" },
  displayName: { singular: "Mesh Rate Limit", plural: "Mesh Rate Limits" },
  description: "How many requests and connections an instance takes in an interval.",
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
  toKinds: ["Mesh"],
  fromKinds: ["Mesh"],
  rules: { matches: true, excludesTo: true },
  needsBlock: false,
  deprecatedFrom: "use 'rules' instead",
  validateConf,
  validateSpec: (spec) => gatewayScopeViolations(spec, ["from", "rules"]),
  deprecations,
});

function validateConf(
  { local }: MeshRateLimitConf,
  path: string,
  { bySpiffeId }: ConfContext,
): readonly Violation[] {
  const at = `${path}.local`;
  if (local === undefined) return [{ field: at, reason: "must be defined" }];
  const { http, tcp } = local;
  const violations = [...atLeastOne(local, ["tcp", "http"], at)];
  if (http !== undefined) {
    violations.push(
      ...atLeastOne(http, ["disabled", "requestRate", "onRateLimit"], `${at}.http`),
      ...rateViolations(http.requestRate, `${at}.http.requestRate`),
      ...answerViolations(http.onRateLimit, `${at}.http.onRateLimit`),
    );
  }
  if (tcp !== undefined) {
    violations.push(
      ...atLeastOne(tcp, ["disabled", "connectionRate"], `${at}.tcp`),
      ...rateViolations(tcp.connectionRate, `${at}.tcp.connectionRate`),
    );
    if (bySpiffeId) {
      violations.push({
        field: `${at}.tcp`,
        reason:
          "can't be specified when matches contain spiffeID because this field cannot be conditioned on source identity",
      });
    }
  }
  return violations;
}

/** Envoy takes no bucket that is filled more often. */
const SHORTEST_INTERVAL_MS = 50;

function rateViolations(value: Rate | undefined, path: string): readonly Violation[] {
  if (value === undefined) return [];
  return [
    ...positive(value.num, `${path}.num`),
    ...(durationMs(value.interval) > SHORTEST_INTERVAL_MS
      ? []
      : [{ field: `${path}.interval`, reason: "must be greater than: 50ms" }]),
  ];
}

function answerViolations(value: OnRateLimit | undefined, path: string): readonly Violation[] {
  return [
    ...statusViolations(value?.status, `${path}.status`),
    ...repeatedNames(value?.headers?.set, `${path}.headers.set`),
    ...repeatedNames(value?.headers?.add, `${path}.headers.add`),
  ];
}

function statusViolations(status: number | undefined, path: string): readonly Violation[] {
  if (status === undefined || status < FIRST_ERROR_STATUS) return positive(status, path);
  return isErrorStatus(status)
    ? []
    : [{ field: path, reason: `${status} is no status of HTTP that Envoy knows; 429 is the usual one` }];
}

function repeatedNames(list: readonly Header[] | undefined, path: string): readonly Violation[] {
  const names = (list ?? []).map(({ name }) => name);
  return names.flatMap((name, i) =>
    names.indexOf(name) === i
      ? []
      : [{ field: `${path}[${i}].name`, reason: `"${name}" is there twice, give each header once` }],
  );
}

function deprecations(spec: PolicySpec): readonly string[] {
  const warnings: string[] = [];
  if (spec.targetRef?.kind === "MeshHTTPRoute") {
    warnings.push("spec.targetRef.kind: MeshHTTPRoute is deprecated; select the gateway with MeshGateway");
  }
  for (const block of ["rules", "from", "to"] as const) {
    for (const [i, entry] of (spec[block] ?? []).entries()) {
      const status = (entry.default as MeshRateLimitConf | undefined)?.local?.http?.onRateLimit?.status;
      if (status !== undefined && status < FIRST_ERROR_STATUS) {
        warnings.push(
          `spec.${block}[${i}].default.local.http.onRateLimit.status: must be ${FIRST_ERROR_STATUS} or more; instead of ${status} Envoy answers 429`,
        );
      }
    }
  }
  return warnings;
}
