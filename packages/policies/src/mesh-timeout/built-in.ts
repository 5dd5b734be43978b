/** What holds where no policy sets a field. */
export interface BuiltInTimeouts {
  readonly connection: string;
  readonly idle: string;
  readonly request: string;
  readonly streamIdle: string;
}

/** On outbounds. */
export const OUTBOUND_TIMEOUTS: BuiltInTimeouts = {
  connection: "5s",
  idle: "1h",
  request: "15s",
  streamIdle: "30m",
};

/** Of calls that come in by a built-in gateway. */
export const GATEWAY_TIMEOUTS: BuiltInTimeouts = { ...OUTBOUND_TIMEOUTS, streamIdle: "5s" };

/** Of a listener of a built-in gateway, towards clients that nobody knows. */
export const LISTENER_TIMEOUTS = { idle: "5m", streamIdle: "5s", requestHeaders: "500ms" } as const;

/** On inbounds: nothing is cut short that the caller still waits for. */
export const INBOUND_TIMEOUTS: BuiltInTimeouts = {
  connection: "10s",
  idle: "2h",
  request: "0s",
  streamIdle: "1h",
};
