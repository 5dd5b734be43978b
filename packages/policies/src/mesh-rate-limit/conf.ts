/** So many per interval, a Go duration string. */
export interface Rate {
  readonly num: number;
  readonly interval: string;
}

/** A header of an answer. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

/** What a request over the limit is answered with. */
export interface OnRateLimit {
  /** 429 where nothing is said. */
  readonly status?: number | undefined;
  readonly headers?:
    | { readonly set?: readonly Header[] | undefined; readonly add?: readonly Header[] | undefined }
    | undefined;
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
