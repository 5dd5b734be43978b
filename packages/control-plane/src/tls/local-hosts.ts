import type { NetworkInterfaceInfo } from "node:os";

/**
 * The names and addresses under which this machine may be reached, from `os.hostname()` and `os.networkInterfaces()`.
 * Link-local IPv6 addresses are left out: they mean nothing without their zone.
 */
export function localHosts(
  hostname: string,
  interfaces: Readonly<Record<string, readonly Pick<NetworkInterfaceInfo, "address">[] | undefined>>,
): readonly string[] {
  const addresses = Object.values(interfaces).flatMap((each) => each ?? []);
  const reachable = addresses.map(({ address }) => address).filter((address) => !/^fe[89ab]/i.test(address));
  return [...new Set([hostname, ...reachable])];
}
