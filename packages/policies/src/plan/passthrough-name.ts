import type { Naming } from "./proxy-plan.ts";

export type PassthroughDirection = "inbound" | "outbound";
export type IpFamily = "ipv4" | "ipv6";

/** Name of the listener that takes redirected connections, and of the cluster that passes them on. */
export function passthroughName(direction: PassthroughDirection, ip: IpFamily, naming: Naming): string {
  return naming === "unified"
    ? `self_transparentproxy_passthrough_${direction}_${ip}`
    : `${direction}:passthrough:${ip}`;
}

/** A name of Envoy's resources in its newer spelling, where it is one of those that have two. */
export function unifiedPassthroughName(name: string): string {
  return name.replace(
    /^(inbound|outbound):passthrough:(ipv[46])$/,
    "self_transparentproxy_passthrough_$1_$2",
  );
}
