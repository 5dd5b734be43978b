import { duration, intOrString, type Violation, validatePercent } from "@skein/model";
import * as z from "zod";
import { atLeastOne, positive, positiveDuration } from "../engine/checks.ts";
import { policyKind } from "../engine/policy-kind.ts";
import type { PolicySpec } from "../engine/policy-resource.ts";
import type { MeshCircuitBreakerConf, OutlierDetectionConf } from "./conf.ts";

const MAX_FACTOR = 4_294_967;
const count = () => z.int().min(0).max(4_294_967_295).optional();
const consecutive = z.object({ consecutive: count() }).optional();

const conf: z.ZodType<MeshCircuitBreakerConf> = z.object({
  connectionLimits: z
    .object({
      maxConnections: count(),
      maxConnectionPools: count(),
      maxPendingRequests: count(),
      maxRetries: count(),
      maxRequests: count(),
    })
    .optional(),
  outlierDetection: z
    .object({
      disabled: z.boolean().optional(),
      interval: duration().optional(),
      baseEjectionTime: duration().optional(),
      maxEjectionPercent: z.int().min(0).max(100, "must be in inclusive range [0, 100]").optional(),
      splitExternalAndLocalErrors: z.boolean().optional(),
      healthyPanicThreshold: intOrString().optional(),
      detectors: z
        .object({
          totalFailures: consecutive,
          gatewayFailures: consecutive,
          localOriginFailures: consecutive,
          successRate: z
            .object({
              minimumHosts: count(),
              requestVolume: count(),
              standardDeviationFactor: intOrString().optional(),
            })
            .optional(),
          failurePercentage: z
            .object({
              minimumHosts: count(),
              requestVolume: count(),
              threshold: z.int().min(0).max(100).optional(),
            })
            .optional(),
        })
        .optional(),
    })
    .optional(),
});

const DETECTORS = [
  "totalFailures",
  "gatewayFailures",
  "localOriginFailures",
  "successRate",
  "failurePercentage",
];

/** MeshCircuitBreaker as a resource. */
export const meshCircuitBreakerKind = policyKind<MeshCircuitBreakerConf>({
  type: "MeshCircuitBreaker",
  path: "meshcircuitbreakers",
  shortName: "mcb",
  cli: { singular: "meshcircuitbreaker", plural: "meshcircuitbreakers" },
  displayName: { singular: "Mesh Circuit Breaker", plural: "Mesh Circuit Breakers" },
  description: "Limits on open connections and requests, and ejection of instances that fail.",
  conf,
  topKinds: ["Mesh", "Dataplane", "MeshSubset", "MeshService", "MeshServiceSubset", "MeshGateway"],
  toKinds: ["Mesh", "MeshService", "MeshExternalService", "MeshMultiZoneService"],
  fromKinds: ["Mesh"],
  rules: { matches: false, excludesTo: true },
  needsBlock: true,
  deprecatedFrom: "use 'rules' instead",
  validateConf,
  deprecations: detectorWarnings,
});

function validateConf(value: MeshCircuitBreakerConf, path: string): readonly Violation[] {
  return [
    ...atLeastOne(value, ["connectionLimits", "outlierDetection"], path),
    ...Object.entries(value.connectionLimits ?? {}).flatMap(([name, limit]) =>
      positive(limit, `${path}.connectionLimits.${name}`),
    ),
    ...(value.outlierDetection === undefined
      ? []
      : validateDetection(value.outlierDetection, `${path}.outlierDetection`)),
  ];
}

function validateDetection(value: OutlierDetectionConf, path: string): readonly Violation[] {
  const detectors = value.detectors;
  const at = `${path}.detectors`;
  if (detectors === undefined) return [{ field: at, reason: "must be defined" }];
  return [
    ...positiveDuration(value.interval, `${path}.interval`),
    ...positiveDuration(value.baseEjectionTime, `${path}.baseEjectionTime`),
    ...validatePercent(value.healthyPanicThreshold, `${path}.healthyPanicThreshold`),
    ...atLeastOne(detectors, DETECTORS, at),
    ...positive(detectors.totalFailures?.consecutive, `${at}.totalFailures.consecutive`),
    ...positive(detectors.gatewayFailures?.consecutive, `${at}.gatewayFailures.consecutive`),
    ...positive(detectors.localOriginFailures?.consecutive, `${at}.localOriginFailures.consecutive`),
    ...positive(detectors.successRate?.minimumHosts, `${at}.successRate.minimumHosts`),
    ...positive(detectors.successRate?.requestVolume, `${at}.successRate.requestVolume`),
    ...validateFactor(
      detectors.successRate?.standardDeviationFactor,
      `${at}.successRate.standardDeviationFactor`,
    ),
    ...positive(detectors.failurePercentage?.minimumHosts, `${at}.failurePercentage.minimumHosts`),
    ...positive(detectors.failurePercentage?.requestVolume, `${at}.failurePercentage.requestVolume`),
  ];
}

/** Envoy counts in thousandths, in 32 bits. */
function validateFactor(value: number | string | undefined, field: string): readonly Violation[] {
  if (value === undefined) return [];
  const factor = Number(value);
  if (factor <= 0) return [{ field, reason: "must be greater than 0" }];
  if (factor < 0.001) return [{ field, reason: "must be at least 0.001" }];
  return factor > MAX_FACTOR ? [{ field, reason: `must not be greater than ${MAX_FACTOR}` }] : [];
}

const CONSECUTIVE = ["totalFailures", "gatewayFailures", "localOriginFailures"] as const;

/** Detectors that detect nothing as they are written, and those that are not good for each other. */
function detectorWarnings(spec: PolicySpec): readonly string[] {
  return (["to", "from", "rules"] as const).flatMap((block) =>
    (spec[block] ?? []).flatMap((entry, i) => {
      const { outlierDetection } = (entry.default ?? {}) as MeshCircuitBreakerConf;
      const { disabled, splitExternalAndLocalErrors, detectors } = outlierDetection ?? {};
      if (disabled === true || detectors === undefined) return [];
      const at = `spec.${block}[${i}].default.outlierDetection.detectors`;
      const idle = CONSECUTIVE.filter((name) => detectors[name] && detectors[name].consecutive === undefined);
      const isLocalIdle =
        detectors.localOriginFailures?.consecutive !== undefined && splitExternalAndLocalErrors !== true;
      return [
        ...idle.map((name) => `${at}.${name} has no effect without consecutive`),
        ...(isLocalIdle
          ? [
              `${at}.localOriginFailures has no effect without splitExternalAndLocalErrors: true; failures of connections count among totalFailures then`,
            ]
          : []),
        // Envoy 1.40: each of the two adds to `ejections_active` what is subtracted once.
        ...(detectors.successRate !== undefined && detectors.failurePercentage !== undefined
          ? [
              `${at}: name successRate or failurePercentage, not both: Envoy counts an instance that both find as two ejected and as one that comes back, until maxEjectionPercent is used up by nobody`,
            ]
          : []),
      ];
    }),
  );
}
