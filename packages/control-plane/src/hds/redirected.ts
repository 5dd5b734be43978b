import type { DataplaneSpec } from "@skein/model";
import { child } from "../insights/fields.ts";

/**
 * Whether the machine leads connections to an application to the proxy first. Then those of the proxy itself need an
 * address of their own to come from.
 */
export function redirectsInbound(metadata: Readonly<Record<string, unknown>>, spec: DataplaneSpec): boolean {
  const inbound = child(child(metadata.transparentProxy, "redirect"), "inbound");
  return inbound.enabled === true || (spec.networking?.transparentProxying?.redirectPortInbound ?? 0) > 0;
}
