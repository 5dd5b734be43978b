import { addressesOfInterfaces, loopbackAddresses } from "./host-facts.ts";
import { LaunchError } from "./launch-error.ts";
import type { RunOptions } from "./options.ts";
import type { TransparentSettings } from "./transparent-proxy.ts";

/**
 * The options with DNS where the machine's rules lead it, for the machine and the networks behind its interfaces.
 *
 * @throws LaunchError where nobody would answer there: the machine would be without DNS
 */
export function withRedirectedDns(
  options: RunOptions,
  transparent: Pick<TransparentSettings, "dnsPort" | "interfaces"> | undefined,
): RunOptions {
  if (transparent?.dnsPort === undefined) return options;
  const { dns, lean } = options;
  const { dnsPort: port, interfaces } = transparent;
  const problem = `Transparent proxying: the rules lead DNS to port ${port}`;
  if (dns === undefined) {
    const why = lean
      ? "and in lean mode nobody stays to answer there; leave out --lean"
      : "and --dns-enabled or --dns-proxy-port says that nobody answers there; leave that out";
    throw new LaunchError("invalid-options", `${problem}, ${why}, or redirect.dns of the configuration`);
  }
  if (dns.isChosen && dns.port !== port) {
    throw new LaunchError(
      "invalid-options",
      `${problem}, but --dns-proxy-port is ${dns.port}; leave it out, or change redirect.dns.port of the configuration`,
    );
  }
  const addresses = dns.addresses ?? [...loopbackAddresses(), ...addressesOfInterfaces(interfaces)];
  return { ...options, dns: { ...dns, port, addresses } };
}
