import { create } from "@bufbuild/protobuf";
import {
  CircuitBreakersSchema,
  CircuitBreakers_ThresholdsSchema as ThresholdsSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/circuit_breaker_pb";
import {
  type Cluster,
  Cluster_CommonLbConfigSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import {
  type OutlierDetection,
  OutlierDetectionSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/outlier_detection_pb";
import { PercentSchema } from "@skein/envoy-api/envoy/type/v3/percent_pb";
import { duration } from "../envoy-values.ts";
import type { Detectors, MeshCircuitBreakerConf, OutlierDetectionConf } from "./conf.ts";

/** Limits and ejection on one cluster. `track_remaining` is on for every cluster: dashboards read the gauges. */
export function circuitBreakers(conf: MeshCircuitBreakerConf, cluster: Cluster): void {
  const limits = conf.connectionLimits;
  const thresholds = create(ThresholdsSchema, { trackRemaining: true });
  if (limits?.maxConnections !== undefined) thresholds.maxConnections = limits.maxConnections;
  if (limits?.maxConnectionPools !== undefined) thresholds.maxConnectionPools = limits.maxConnectionPools;
  if (limits?.maxPendingRequests !== undefined) thresholds.maxPendingRequests = limits.maxPendingRequests;
  if (limits?.maxRetries !== undefined) thresholds.maxRetries = limits.maxRetries;
  if (limits?.maxRequests !== undefined) thresholds.maxRequests = limits.maxRequests;
  cluster.circuitBreakers = create(CircuitBreakersSchema, { thresholds: [thresholds] });
  const detection = conf.outlierDetection;
  if (detection === undefined || detection.disabled === true) return;
  cluster.outlierDetection = outlierDetection(detection);
  if (detection.healthyPanicThreshold !== undefined) {
    cluster.commonLbConfig ??= create(Cluster_CommonLbConfigSchema);
    cluster.commonLbConfig.healthyPanicThreshold = create(PercentSchema, {
      value: Number(detection.healthyPanicThreshold),
    });
  }
}

function outlierDetection(conf: OutlierDetectionConf): OutlierDetection {
  const detection = create(OutlierDetectionSchema);
  if (conf.interval !== undefined) detection.interval = duration(conf.interval);
  if (conf.baseEjectionTime !== undefined) detection.baseEjectionTime = duration(conf.baseEjectionTime);
  if (conf.maxEjectionPercent !== undefined) detection.maxEjectionPercent = conf.maxEjectionPercent;
  // One of three is more than the 10 % that Envoy allows by itself. 0 is a wish to watch only.
  detection.alwaysEjectOneHost = conf.maxEjectionPercent !== 0;
  if (conf.splitExternalAndLocalErrors !== undefined) {
    detection.splitExternalLocalOriginErrors = conf.splitExternalAndLocalErrors;
  }
  consecutive(conf.detectors ?? {}, detection);
  statistical(conf.detectors ?? {}, detection);
  return detection;
}

/** A detector that is not configured is switched off by name: Envoy would enforce some of them by itself. */
function consecutive(detectors: Detectors, detection: OutlierDetection): void {
  const total = detectors.totalFailures?.consecutive;
  if (total !== undefined) detection.consecutive5xx = total;
  detection.enforcingConsecutive5xx = total === undefined ? 0 : 100;
  const gateway = detectors.gatewayFailures?.consecutive;
  if (gateway !== undefined) detection.consecutiveGatewayFailure = gateway;
  detection.enforcingConsecutiveGatewayFailure = gateway === undefined ? 0 : 100;
  const local = detectors.localOriginFailures?.consecutive;
  if (local !== undefined) detection.consecutiveLocalOriginFailure = local;
  detection.enforcingConsecutiveLocalOriginFailure = local === undefined ? 0 : 100;
}

function statistical(detectors: Detectors, detection: OutlierDetection): void {
  const rate = detectors.successRate;
  if (rate?.minimumHosts !== undefined) detection.successRateMinimumHosts = rate.minimumHosts;
  if (rate?.requestVolume !== undefined) detection.successRateRequestVolume = rate.requestVolume;
  if (rate?.standardDeviationFactor !== undefined) {
    detection.successRateStdevFactor = Math.round(Number(rate.standardDeviationFactor) * 1000);
  }
  detection.enforcingSuccessRate = rate === undefined ? 0 : 100;
  detection.enforcingLocalOriginSuccessRate = rate === undefined ? 0 : 100;
  const failure = detectors.failurePercentage;
  if (failure?.minimumHosts !== undefined) detection.failurePercentageMinimumHosts = failure.minimumHosts;
  if (failure?.requestVolume !== undefined) detection.failurePercentageRequestVolume = failure.requestVolume;
  if (failure?.threshold !== undefined) detection.failurePercentageThreshold = failure.threshold;
  detection.enforcingFailurePercentage = failure === undefined ? 0 : 100;
  detection.enforcingFailurePercentageLocalOrigin = failure === undefined ? 0 : 100;
}
