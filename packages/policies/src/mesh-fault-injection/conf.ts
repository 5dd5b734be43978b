import type { IntOrString } from "@skein/model";

/** What happens to some of the requests: all that is set, each with its own share. */
export interface Fault {
  readonly abort?: { readonly httpStatus: number; readonly percentage: IntOrString } | undefined;
  /** `value` is a Go duration string. */
  readonly delay?: { readonly value: string; readonly percentage: IntOrString } | undefined;
  /** `limit` is a number with `kbps`, `Mbps` or `Gbps`. */
  readonly responseBandwidth?: { readonly limit: string; readonly percentage: IntOrString } | undefined;
}

/** `default` of a MeshFaultInjection. */
export interface MeshFaultInjectionConf {
  readonly http?: readonly Fault[] | undefined;
}
