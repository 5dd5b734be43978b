/** Conditions on which HTTP requests are retried, in Envoy's spelling, where the user named none. */
export const HTTP_DEFAULT = "gateway-error,connect-failure,refused-stream";
export const GRPC_DEFAULT =
  "cancelled,connect-failure,gateway-error,refused-stream,reset,resource-exhausted,unavailable";

const HTTP_CONDITIONS: Readonly<Record<string, string>> = {
  "5xx": "5xx",
  GatewayError: "gateway-error",
  Reset: "reset",
  Retriable4xx: "retriable-4xx",
  ConnectFailure: "connect-failure",
  EnvoyRatelimited: "envoy-ratelimited",
  RefusedStream: "refused-stream",
  Http3PostConnectFailure: "http3-post-connect-failure",
};

/** Envoy spells `cancelled` with two l; the API with one. */
const GRPC_CONDITIONS: Readonly<Record<string, string>> = {
  Canceled: "cancelled",
  DeadlineExceeded: "deadline-exceeded",
  Internal: "internal",
  ResourceExhausted: "resource-exhausted",
  Unavailable: "unavailable",
};

const METHODS = ["Connect", "Delete", "Get", "Head", "Options", "Patch", "Post", "Put", "Trace"];
const METHOD_PREFIX = "HttpMethod";

export const HTTP_RETRY_ON: readonly string[] = [
  ...Object.keys(HTTP_CONDITIONS),
  ...METHODS.map((method) => `${METHOD_PREFIX}${method}`),
];
export const GRPC_RETRY_ON: readonly string[] = Object.keys(GRPC_CONDITIONS);

export interface RetryOn {
  readonly conditions: string;
  readonly statusCodes: readonly number[];
  readonly methods: readonly string[];
}

/** Splits a user's `retryOn` list into what Envoy keeps in three places. */
export function httpRetryOn(list: readonly string[]): RetryOn {
  const conditions: string[] = [];
  const statusCodes: number[] = [];
  const methods: string[] = [];
  for (const item of list) {
    const condition = HTTP_CONDITIONS[item];
    if (condition !== undefined) conditions.push(condition);
    else if (item.startsWith(METHOD_PREFIX)) methods.push(item.slice(METHOD_PREFIX.length).toUpperCase());
    else statusCodes.push(Number(item));
  }
  const base = conditions.length > 0 ? conditions.join(",") : HTTP_DEFAULT;
  return {
    conditions: statusCodes.length > 0 ? `${base},retriable-status-codes` : base,
    statusCodes,
    methods,
  };
}

/** Envoy's spelling of a gRPC `retryOn` list. */
export function grpcRetryOn(list: readonly string[]): string {
  const conditions = list.map((item) => GRPC_CONDITIONS[item] ?? item);
  return conditions.length > 0 ? conditions.join(",") : GRPC_DEFAULT;
}
