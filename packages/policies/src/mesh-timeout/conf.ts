/** `default` of a MeshTimeout. Durations are Go duration strings. */
export interface MeshTimeoutConf {
  readonly connectionTimeout?: string | undefined;
  readonly idleTimeout?: string | undefined;
  readonly http?:
    | {
        readonly requestTimeout?: string | undefined;
        readonly streamIdleTimeout?: string | undefined;
        readonly maxStreamDuration?: string | undefined;
        readonly maxConnectionDuration?: string | undefined;
        readonly requestHeadersTimeout?: string | undefined;
      }
    | undefined;
}
