import type { BackendRef } from "@skein/model";

/** The only rule of a `to` entry. */
export interface TcpRule {
  readonly default: { readonly backendRefs?: readonly BackendRef[] | undefined };
}
