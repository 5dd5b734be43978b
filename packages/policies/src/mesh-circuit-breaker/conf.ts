/** `default` of a MeshCircuitBreaker. */
export interface MeshCircuitBreakerConf {
  readonly connectionLimits?:
    | {
        readonly maxConnections?: number | undefined;
        readonly maxConnectionPools?: number | undefined;
        readonly maxPendingRequests?: number | undefined;
        readonly maxRetries?: number | undefined;
        readonly maxRequests?: number | undefined;
      }
    | undefined;
  readonly outlierDetection?: OutlierDetectionConf | undefined;
}

export interface OutlierDetectionConf {
  readonly disabled?: boolean | undefined;
  readonly interval?: string | undefined;
  readonly baseEjectionTime?: string | undefined;
  readonly maxEjectionPercent?: number | undefined;
  readonly splitExternalAndLocalErrors?: boolean | undefined;
  readonly healthyPanicThreshold?: number | string | undefined;
  readonly detectors?: Detectors | undefined;
}

export interface Detectors {
  readonly totalFailures?: { readonly consecutive?: number | undefined } | undefined;
  readonly gatewayFailures?: { readonly consecutive?: number | undefined } | undefined;
  readonly localOriginFailures?: { readonly consecutive?: number | undefined } | undefined;
  readonly successRate?:
    | {
        readonly minimumHosts?: number | undefined;
        readonly requestVolume?: number | undefined;
        readonly standardDeviationFactor?: number | string | undefined;
      }
    | undefined;
  readonly failurePercentage?:
    | {
        readonly minimumHosts?: number | undefined;
        readonly requestVolume?: number | undefined;
        readonly threshold?: number | undefined;
      }
    | undefined;
}
