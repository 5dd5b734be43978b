import type { OnRateLimit } from "../on-rate-limit/conf.ts";

/** `default` of a MeshGlobalRateLimit. Parts may come from different policies: a backend for all, a rate for each. */
export interface MeshGlobalRateLimitConf {
  readonly http?:
    | {
        readonly requestRate?: { readonly num: number; readonly interval: string } | undefined;
        readonly onRateLimit?: OnRateLimit | undefined;
      }
    | undefined;
  readonly mode?: "Limit" | "Shadow" | undefined;
  readonly backend?:
    | {
        readonly rateLimitService?:
          | { readonly url?: string | undefined; readonly timeout?: string | undefined }
          | undefined;
      }
    | undefined;
}
