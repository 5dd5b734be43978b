import { duration, durationMs, type Violation } from "@skein/model";
import * as z from "zod";
import { atLeastOne, positive } from "../engine/checks.ts";
import { gatewayScopeViolations } from "../engine/gateway-scope.ts";
import { type ConfContext, policyKind } from "../engine/policy-kind.ts";
import type { PolicySpec } from "../engine/policy-resource.ts";
import { onRateLimitSchema, onRateLimitViolations, onRateLimitWarnings } from "../on-rate-limit/schema.ts";
import type { MeshRateLimitConf, Rate } from "./conf.ts";

const MAX_UINT32 = 4_294_967_295;

const uint32 = z.int().min(0, "must not be negative").max(MAX_UINT32);
const rate = z.object({ num: uint32, interval: duration() });
const conf: z.ZodType<MeshRateLimitConf> = z.object({
  local: z
    .object({
      http: z
        .object({
          disabled: z.boolean().optional(),
          requestRate: rate.optional(),
          onRateLimit: onRateLimitSchema.optional(),
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
      ...onRateLimitViolations(http.onRateLimit, `${at}.http.onRateLimit`),
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

function deprecations(spec: PolicySpec): readonly string[] {
  const warnings: string[] = [];
  if (spec.targetRef?.kind === "MeshHTTPRoute") {
    warnings.push("spec.targetRef.kind: MeshHTTPRoute is deprecated; select the gateway with MeshGateway");
  }
  for (const block of ["rules", "from", "to"] as const) {
    for (const [i, entry] of (spec[block] ?? []).entries()) {
      const conf = entry.default as MeshRateLimitConf | undefined;
      const path = `spec.${block}[${i}].default.local.http.onRateLimit`;
      warnings.push(...onRateLimitWarnings(conf?.local?.http?.onRateLimit, path));
    }
  }
  return warnings;
}
