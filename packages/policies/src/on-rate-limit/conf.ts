/** A header of an answer. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

/** What a request over a limit is answered with. */
export interface OnRateLimit {
  /** 429 where nothing is said. */
  readonly status?: number | undefined;
  readonly headers?:
    | { readonly set?: readonly Header[] | undefined; readonly add?: readonly Header[] | undefined }
    | undefined;
}
