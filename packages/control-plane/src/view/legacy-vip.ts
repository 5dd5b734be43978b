import { vipsOf } from "../naming/addressed.ts";
import type { MeshView } from "./mesh-view.ts";

/** Where and by which names applications call a service tag. */
export interface LegacyVip {
  readonly address: string;
  /** `<service>.mesh`, and the same with `.` for `_`; without those that are another service's. */
  readonly hostnames: readonly string[];
  /** The ports of the service's inbounds, ascending; the address also answers at `dnsServer.serviceVipPort`. */
  readonly ports: readonly number[];
}

/**
 * The address of a value of the tag `kuma.io/service`; `undefined` while it has none. Reads an input of the graph, so
 * who calls this in a derivation follows it. All values that may have one: `view.taggedServices.names`.
 *
 * An address outlives the last instance, and the use of tags in the mesh, for a while: whether proxies of a mesh call
 * by tag at all is what `meshServices.mode` says.
 */
export function legacyVip(view: Pick<MeshView, "taggedServices">, service: string): LegacyVip | undefined {
  const stored = view.taggedServices.at(service).get();
  const [address] = stored === undefined ? [] : vipsOf(stored);
  if (stored === undefined || address === undefined) return undefined;
  const hostnames = (stored.status?.addresses ?? []).flatMap(({ hostname }) => hostname ?? []);
  return { address, hostnames, ports: stored.spec.ports };
}
