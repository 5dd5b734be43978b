import { type DataplaneNetworking, isIpv6 } from "@skein/model";
import { isRecord } from "../insights/fields.ts";

/** Where rules of a machine lead its connections: what the launcher or the Dataplane says of them. */
export interface Redirect {
  /** Connections of applications arrive here; absent where they are left alone. */
  readonly outboundPort: number | undefined;
  /** Connections to applications arrive here; absent where they are left alone. */
  readonly inboundPort: number | undefined;
  /** Those of IPv6 are redirected, too. */
  readonly ipv6: boolean;
}

/** A launcher with this feature says itself what is redirected; what the Dataplane says of it does not count. */
export const TRANSPARENT_PROXY_FEATURE = "feature-transparent-proxy-in-dataplane-metadata";

/** What is in place where a launcher has the feature and says no more. */
const DEFAULT: Redirect = { outboundPort: 15_001, inboundPort: 15_006, ipv6: true };

/** The direct way to an inbound's application: connections from these addresses are not redirected. */
export const UNREDIRECTED_SOURCE = { ipv4: "127.0.0.6", ipv6: "::6" } as const;

/** What a launcher said, in its request and in Envoy's metadata alike; `undefined` where it left it to the Dataplane. */
export function launcherRedirect(features: ReadonlySet<unknown>, config: unknown): Redirect | undefined {
  if (!features.has(TRANSPARENT_PROXY_FEATURE)) return undefined;
  if (!isRecord(config)) return DEFAULT;
  const redirect = isRecord(config.redirect) ? config.redirect : {};
  return {
    outboundPort: flowPort(redirect.outbound, DEFAULT.outboundPort),
    inboundPort: flowPort(redirect.inbound, DEFAULT.inboundPort),
    ipv6: String(config.ipFamilyMode).toLowerCase() !== "ipv4",
  };
}

/** What a Dataplane says, as Dataplanes did before launchers could; nothing is redirected where it names no port. */
export function dataplaneRedirect(networking: DataplaneNetworking | undefined): Redirect {
  const said = networking?.transparentProxying;
  return {
    outboundPort: said?.redirectPortOutbound || undefined,
    inboundPort: said?.redirectPortInbound || undefined,
    ipv6: said?.ipFamilyMode !== "IPv4",
  };
}

/** Whether connections of applications to an address reach the proxy by its port for them. */
export function redirectsOutbound(redirect: Redirect, address: string, own: string | undefined): boolean {
  if (redirect.outboundPort === undefined || !isCovered(redirect, address)) return false;
  // What stays on the machine is not redirected: the proxy has to listen there.
  return !isLoopback(address) && address !== own;
}

/** Whether connections of others to an address reach the proxy by its port for them. */
export function redirectsInbound(redirect: Redirect, address: string): boolean {
  return redirect.inboundPort !== undefined && isCovered(redirect, address);
}

/** The address from which the proxy must call an application, so as not to be led back to itself. */
export function applicationSource(redirect: Redirect, address: string): string | undefined {
  const isOn = redirect.inboundPort !== undefined || redirect.outboundPort !== undefined;
  // Exactly these two are left alone, by whomever they are called.
  if (!isOn || address === "127.0.0.1" || address === "::1") return undefined;
  if (!isIpv6(address)) return UNREDIRECTED_SOURCE.ipv4;
  return redirect.ipv6 ? UNREDIRECTED_SOURCE.ipv6 : undefined;
}

/** Whether two mean the same. */
export function sameRedirect(a: Redirect | undefined, b: Redirect | undefined): boolean {
  return (
    a === b ||
    (a?.outboundPort === b?.outboundPort && a?.inboundPort === b?.inboundPort && a?.ipv6 === b?.ipv6)
  );
}

function isCovered(redirect: Redirect, address: string): boolean {
  return redirect.ipv6 || !isIpv6(address);
}

function isLoopback(address: string): boolean {
  return /^127\./.test(address) || /^[0:]+1$/.test(address);
}

function flowPort(flow: unknown, otherwise: number | undefined): number | undefined {
  if (!isRecord(flow) || flow.enabled !== true) return undefined;
  return typeof flow.port === "number" && flow.port > 0 ? flow.port : otherwise;
}
