/** `default` of a MeshHealthCheck. */
export interface MeshHealthCheckConf {
  readonly interval?: string | undefined;
  readonly timeout?: string | undefined;
  readonly unhealthyThreshold?: number | undefined;
  readonly healthyThreshold?: number | undefined;
  readonly initialJitter?: string | undefined;
  readonly intervalJitter?: string | undefined;
  readonly intervalJitterPercent?: number | undefined;
  readonly healthyPanicThreshold?: number | string | undefined;
  readonly failTrafficOnPanic?: boolean | undefined;
  readonly eventLogPath?: string | undefined;
  readonly alwaysLogHealthCheckFailures?: boolean | undefined;
  readonly noTrafficInterval?: string | undefined;
  readonly reuseConnection?: boolean | undefined;
  readonly http?: HttpCheck | undefined;
  readonly tcp?: TcpCheck | undefined;
  readonly grpc?: GrpcCheck | undefined;
}

export interface HttpCheck {
  readonly disabled?: boolean | undefined;
  readonly path?: string | undefined;
  readonly expectedStatuses?: readonly number[] | undefined;
  readonly requestHeadersToAdd?:
    | { readonly set?: readonly Header[] | undefined; readonly add?: readonly Header[] | undefined }
    | undefined;
}

export interface Header {
  readonly name: string;
  readonly value: string;
}

export interface TcpCheck {
  readonly disabled?: boolean | undefined;
  readonly send?: string | undefined;
  readonly receive?: readonly string[] | undefined;
}

export interface GrpcCheck {
  readonly disabled?: boolean | undefined;
  readonly serviceName?: string | undefined;
  readonly authority?: string | undefined;
}
