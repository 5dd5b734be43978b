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

/** On inbounds: nothing is cut short that the caller still waits for. */
export const INBOUND_TIMEOUTS: BuiltInTimeouts = {
  connection: "10s",
  idle: "2h",
  request: "0s",
  streamIdle: "1h",
};
