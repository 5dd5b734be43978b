import type { DataplaneSpec } from "@skein/model";
import { child } from "../insights/fields.ts";

/*
 * Whether the machine leads connections to an application to the proxy first. Then those of the proxy itself need an
 * address of their own to come from.
 */

/** Says the proxy. */
export function saysRedirected(metadata: Readonly<Record<string, unknown>>): boolean {
  return child(child(metadata.transparentProxy, "redirect"), "inbound").enabled === true;
}

/** Says its Dataplane. */
export function isRedirected({ networking }: DataplaneSpec): boolean {
  return (networking?.transparentProxying?.redirectPortInbound ?? 0) > 0;
}
