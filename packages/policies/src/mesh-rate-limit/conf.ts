import type { OnRateLimit } from "../on-rate-limit/conf.ts";

/** So many per interval, a Go duration string. */
export interface Rate {
  readonly num: number;
  readonly interval: string;
}

/** `default` of a MeshRateLimit: limits that each instance keeps by itself. */
export interface MeshRateLimitConf {
  readonly local?:
    | {
        readonly http?:
          | {
              readonly disabled?: boolean | undefined;
              readonly requestRate?: Rate | undefined;
              readonly onRateLimit?: OnRateLimit | undefined;
            }
          | undefined;
        readonly tcp?:
          | { readonly disabled?: boolean | undefined; readonly connectionRate?: Rate | undefined }
          | undefined;
      }
    | undefined;
}
