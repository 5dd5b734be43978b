import type { HeaderMatch } from "../header-match.ts";

/** `default` of a MeshRetry. */
export interface MeshRetryConf {
  readonly tcp?: { readonly maxConnectAttempt?: number | undefined } | undefined;
  readonly http?: HttpRetry | undefined;
  readonly grpc?: GrpcRetry | undefined;
}

export interface HttpRetry extends RetryLimits {
  readonly retryOn?: readonly string[] | undefined;
  readonly retriableResponseHeaders?: readonly HeaderMatch[] | undefined;
  readonly retriableRequestHeaders?: readonly HeaderMatch[] | undefined;
  readonly hostSelection?: readonly HostSelection[] | undefined;
  readonly hostSelectionMaxAttempts?: number | undefined;
}

export interface GrpcRetry extends RetryLimits {
  readonly retryOn?: readonly string[] | undefined;
}

export interface RetryLimits {
  readonly numRetries?: number | undefined;
  readonly perTryTimeout?: string | undefined;
  readonly backOff?:
    | { readonly baseInterval?: string | undefined; readonly maxInterval?: string | undefined }
    | undefined;
  readonly rateLimitedBackOff?:
    | {
        readonly maxInterval?: string | undefined;
        readonly resetHeaders?:
          | readonly { readonly name: string; readonly format: "Seconds" | "UnixTimestamp" }[]
          | undefined;
      }
    | undefined;
}

export interface HostSelection {
  readonly predicate: "OmitPreviousHosts" | "OmitHostsWithTags" | "OmitPreviousPriorities";
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly updateFrequency?: number | undefined;
}
