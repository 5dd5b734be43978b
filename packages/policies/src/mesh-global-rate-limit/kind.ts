import { duration, durationMs, type Violation } from "@skein/model";
import * as z from "zod";
import { atLeastOne, positive, positiveDuration } from "../engine/checks.ts";
import { policyKind } from "../engine/policy-kind.ts";
import { onRateLimitSchema, onRateLimitViolations, onRateLimitWarnings } from "../on-rate-limit/schema.ts";
import type { MeshGlobalRateLimitConf } from "./conf.ts";

/** The windows that rate limit services count in, in milliseconds. */
const INTERVALS = [1_000, 60_000, 3_600_000, 86_400_000];

const conf: z.ZodType<MeshGlobalRateLimitConf> = z.object({
  http: z
    .object({
      requestRate: z.object({ num: z.int().min(0).max(4_294_967_295), interval: duration() }).optional(),
      onRateLimit: onRateLimitSchema.optional(),
    })
    .optional(),
  mode: z.enum(["Limit", "Shadow"]).optional(),
  backend: z
    .object({
      rateLimitService: z.object({ url: z.string().optional(), timeout: duration().optional() }).optional(),
    })
    .optional(),
});

/** MeshGlobalRateLimit as a resource. */
export const meshGlobalRateLimitKind = policyKind<MeshGlobalRateLimitConf>({
  type: "MeshGlobalRateLimit",
  path: "meshglobalratelimits",
  shortName: "mgrl",
  cli: { singular: "meshglobalratelimit", plural: "meshglobalratelimits" },
  displayName: { singular: "Mesh Global Rate Limit", plural: "Mesh Global Rate Limits" },
  description: "How many requests all instances of a service take together, counted by a rate limit service.",
  conf,
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshGateway"],
  toKinds: ["Mesh"],
  fromKinds: ["Mesh"],
  needsBlock: true,
  validateConf,
  deprecations: ({ to, from }) =>
    Object.entries({ to, from }).flatMap(([block, entries = []]) =>
      entries.flatMap((entry, i) =>
        onRateLimitWarnings(
          (entry.default as MeshGlobalRateLimitConf | undefined)?.http?.onRateLimit,
          `spec.${block}[${i}].default.http.onRateLimit`,
        ),
      ),
    ),
});

function validateConf(value: MeshGlobalRateLimitConf, path: string): readonly Violation[] {
  const { http, backend } = value;
  const service = backend?.rateLimitService;
  return [
    ...atLeastOne(value, ["http", "mode", "backend"], path),
    ...(http === undefined ? [] : atLeastOne(http, ["requestRate", "onRateLimit"], `${path}.http`)),
    ...positive(http?.requestRate?.num, `${path}.http.requestRate.num`),
    ...(http?.requestRate !== undefined && !INTERVALS.includes(durationMs(http.requestRate.interval))
      ? [{ field: `${path}.http.requestRate.interval`, reason: "must be one of 1s, 1m, 1h, 24h" }]
      : []),
    ...onRateLimitViolations(http?.onRateLimit, `${path}.http.onRateLimit`),
    ...validateUrl(service?.url, `${path}.backend.rateLimitService.url`),
    ...positiveDuration(service?.timeout, `${path}.backend.rateLimitService.timeout`),
  ];
}

function validateUrl(text: string | undefined, field: string): readonly Violation[] {
  if (text === undefined) return [];
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" || url.hostname === "") {
    return [{ field, reason: "must be a URL such as http://rate-limit.example:10003" }];
  }
  return url.pathname === "/" && url.search === "" && url.hash === "" && url.username === ""
    ? []
    : [{ field, reason: "must have a host and a port and nothing else: the service is asked by gRPC" }];
}
