import type { Protocol } from "@skein/policies";
import type { Attempt } from "./explanation.ts";

/** Attempts that all end in one way. Bytes have none: there is nothing to attempt again. */
export function attemptsAt(protocol: Protocol, end: Omit<Attempt, "share">): readonly Attempt[] {
  return protocol === "tcp" ? [] : [{ share: 100, ...end }];
}

/** Nobody is called. */
export const NO_ENDPOINT = { status: 503, without: "endpoint" } as const;
