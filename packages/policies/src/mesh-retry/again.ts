import { durationMs } from "@skein/model";
import { type HeaderMatch, matchesHeader } from "../header-match.ts";
import type { Protocol } from "../plan/destination-plan.ts";
import type { HttpRetry, MeshRetryConf } from "./conf.ts";
import { grpcRetryOn, httpRetryOn } from "./retry-on.ts";

/** What failed at one attempt of a call, as the caller's proxy sees it. */
export type Failure =
  | { readonly kind: "status"; readonly status: number }
  /** The connection was refused, or could not be secured. */
  | { readonly kind: "connect" }
  /** The connection ended, or an attempt took too long. */
  | { readonly kind: "reset" };

/** How often a request is made again, and after what. */
export interface Again {
  /** Attempts after the first. */
  readonly most: number;
  /** What ends one attempt, in milliseconds. */
  readonly perTryMs: number | undefined;
  readonly after: (failure: Failure) => boolean;
}

const NEVER: Again = { most: 0, perTryMs: undefined, after: () => false };

/** The retries of a request under this configuration, decided as Envoy decides them on what `retries` makes of it. */
export function again(
  conf: MeshRetryConf | undefined,
  protocol: Protocol,
  request: { readonly method: string; readonly headers: Readonly<Record<string, string>> },
): Again {
  if (protocol === "tcp") return NEVER;
  const part = protocol === "grpc" ? conf?.grpc : conf?.http;
  if (part === undefined || part.numRetries === 0) return NEVER;
  const { numRetries: most = 1, perTryTimeout } = part;
  const perTryMs = perTryTimeout === undefined ? undefined : durationMs(perTryTimeout) || undefined;
  if (protocol === "grpc") {
    const conditions = new Set(grpcRetryOn(part.retryOn ?? []).split(","));
    return {
      ...{ most, perTryMs },
      after: (failure) =>
        failure.kind === "status"
          ? conditions.has(GRPC_STATUS[failure.status] ?? "unknown")
          : afterBrokenConnection(failure, conditions),
    };
  }
  const { conditions: text, statusCodes, methods } = httpRetryOn(part.retryOn ?? []);
  // What ends an attempt holds for requests too that are not made again.
  if (!isRetriable(methods, (part as HttpRetry).retriableRequestHeaders ?? [], request)) {
    return { ...NEVER, perTryMs };
  }
  const conditions = new Set(text.split(","));
  return {
    ...{ most, perTryMs },
    after: (failure) =>
      failure.kind === "status"
        ? statusCodes.includes(failure.status) || afterStatus(failure.status, conditions)
        : afterBrokenConnection(failure, conditions),
  };
}

function afterStatus(status: number, conditions: ReadonlySet<string>): boolean {
  if (conditions.has("5xx") && status >= 500) return true;
  if (conditions.has("gateway-error") && status >= 502 && status <= 504) return true;
  return conditions.has("retriable-4xx") && status === 409;
}

function afterBrokenConnection({ kind }: Failure, conditions: ReadonlySet<string>): boolean {
  if (["5xx", "gateway-error", "reset"].some((each) => conditions.has(each))) return true;
  return kind === "connect" && conditions.has("connect-failure");
}

/** One of the methods and headers is enough, where any are named. */
function isRetriable(
  methods: readonly string[],
  headers: readonly HeaderMatch[],
  request: { readonly method: string; readonly headers: Readonly<Record<string, string>> },
): boolean {
  if (methods.length + headers.length === 0) return true;
  return (
    methods.includes(request.method) ||
    headers.some((header) => matchesHeader(header, request.headers[header.name.toLowerCase()]))
  );
}

/** The gRPC status that stands for an HTTP status, in the spelling of conditions; `unknown` for all others. */
const GRPC_STATUS: Readonly<Record<number, string>> = {
  400: "internal",
  401: "unauthenticated",
  403: "permission-denied",
  404: "unimplemented",
  429: "unavailable",
  502: "unavailable",
  503: "unavailable",
  504: "unavailable",
};
