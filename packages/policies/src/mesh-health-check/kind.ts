import { duration, intOrString, type Violation, validatePercent } from "@skein/model";
import * as z from "zod";
import { atLeastOne, positive, positiveDuration } from "../engine/checks.ts";
import { policyKind } from "../engine/policy-kind.ts";
import type { PolicySpec } from "../engine/policy-resource.ts";
import { addedHeaderName } from "../header-name.ts";
import { headerValue } from "../header-value.ts";
import { oneLine } from "../one-line.ts";
import type { MeshHealthCheckConf } from "./conf.ts";
import { looksEncoded } from "./payload.ts";

const count = () => z.int().min(0).max(4_294_967_295).optional();

const headers = z
  .array(z.object({ name: addedHeaderName(), value: headerValue() }))
  .max(16)
  .optional();

const conf: z.ZodType<MeshHealthCheckConf> = z.object({
  interval: duration().optional(),
  timeout: duration().optional(),
  unhealthyThreshold: count(),
  healthyThreshold: count(),
  initialJitter: duration().optional(),
  intervalJitter: duration().optional(),
  intervalJitterPercent: z.int().min(0).max(100, "must be in inclusive range [0, 100]").optional(),
  healthyPanicThreshold: intOrString().optional(),
  failTrafficOnPanic: z.boolean().optional(),
  eventLogPath: z.string().optional(),
  alwaysLogHealthCheckFailures: z.boolean().optional(),
  noTrafficInterval: duration().optional(),
  reuseConnection: z.boolean().optional(),
  http: z
    .object({
      disabled: z.boolean().optional(),
      path: oneLine().optional(),
      expectedStatuses: z
        .array(
          z
            .int()
            .min(100, "must be in inclusive range [100, 599]")
            .max(599, "must be in inclusive range [100, 599]"),
        )
        .optional(),
      requestHeadersToAdd: z.object({ set: headers, add: headers }).optional(),
    })
    .optional(),
  tcp: z
    .object({
      disabled: z.boolean().optional(),
      send: z.string().optional(),
      receive: z.array(z.string()).optional(),
    })
    .optional(),
  grpc: z
    .object({
      disabled: z.boolean().optional(),
      serviceName: z.string().optional(),
      authority: oneLine().optional(),
    })
    .optional(),
});

/** MeshHealthCheck as a resource. */
export const meshHealthCheckKind = policyKind<MeshHealthCheckConf>({
  type: "MeshHealthCheck",
  path: "meshhealthchecks",
  shortName: "mhc",
  cli: { singular: "meshhealthcheck", plural: "meshhealthchecks" },
  displayName: { singular: "Mesh Health Check", plural: "Mesh Health Checks" },
  description:
    "Callers ask every instance of a service whether it is well, and leave out those that are not.",
  conf,
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway"],
  toKinds: ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService"],
  needsBlock: false,
  validateConf,
  deprecations,
});

const DURATIONS = [
  "interval",
  "timeout",
  "initialJitter",
  "intervalJitter",
  "noTrafficInterval",
] as const satisfies readonly (keyof MeshHealthCheckConf)[];

function validateConf(value: MeshHealthCheckConf, path: string): readonly Violation[] {
  return [
    ...atLeastOne(value, ["http", "tcp", "grpc"], path),
    ...DURATIONS.flatMap((name) => positiveDuration(value[name], `${path}.${name}`)),
    ...positive(value.unhealthyThreshold, `${path}.unhealthyThreshold`),
    ...positive(value.healthyThreshold, `${path}.healthyThreshold`),
    ...validatePercent(value.healthyPanicThreshold, `${path}.healthyPanicThreshold`),
    ...validateLogPath(value.eventLogPath, `${path}.eventLogPath`),
    ...(value.http?.path === ""
      ? [{ field: `${path}.http.path`, reason: "must not be empty; leave it out to ask for /" }]
      : []),
  ];
}

function validateLogPath(path: string | undefined, field: string): readonly Violation[] {
  if (path === undefined || (path.startsWith("/") && !path.includes("\0"))) return [];
  return [{ field, reason: "must be the absolute path of a file, such as /tmp/health-checks.log" }];
}

function deprecations({ to }: PolicySpec): readonly string[] {
  return (to ?? []).flatMap((entry, i) => {
    const { healthyPanicThreshold, tcp } = (entry.default ?? {}) as MeshHealthCheckConf;
    const path = `spec.to[${i}].default`;
    const texts = [
      ...(tcp?.send === undefined ? [] : [{ field: `${path}.tcp.send`, text: tcp.send }]),
      ...(tcp?.receive ?? []).map((text, j) => ({ field: `${path}.tcp.receive[${j}]`, text })),
    ];
    return [
      ...(healthyPanicThreshold === undefined
        ? []
        : [
            `${path}.healthyPanicThreshold is deprecated; use outlierDetection.healthyPanicThreshold of a MeshCircuitBreaker instead`,
          ]),
      ...texts
        .filter(({ text }) => looksEncoded(text))
        .map(
          ({ field }) => `${field} looks like base64; it is not decoded: write the text as it is on the wire`,
        ),
    ];
  });
}
