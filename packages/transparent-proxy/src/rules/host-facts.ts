import type { Cidr, Family } from "../config/network-address.ts";

/** What of the machine the rules of one IP version depend on. */
export interface HostFacts {
  readonly family: Family;
  /** Uid of the proxy. */
  readonly proxyUid: number;
  /** Name of the loopback interface. */
  readonly loopback: string;
  /** DNS servers of that IP version, addresses. */
  readonly resolvers: readonly string[];
  /** Users that serve DNS on this machine; what they ask is theirs. Counts only where all DNS is captured. */
  readonly resolverUids: readonly number[];
  /** Ports by which people reach this machine; left out of capturing unless named. */
  readonly remoteShellPorts: readonly number[];
  /** Docker redirects DNS of its containers in a chain of its own, which the proxy's must pass. */
  readonly dockerDns: boolean;
}

/** Addresses of the machine itself that nobody else can reach. */
export const LOCAL: Readonly<Record<Family, string>> = { ipv4: "127.0.0.0/8", ipv6: "::1/128" };

/** The networks of the IP version that the rules are for. */
export function own(cidrs: readonly Cidr[], host: HostFacts): readonly string[] {
  return cidrs.filter(({ family }) => family === host.family).map(({ text }) => text);
}

/** The network of one address. */
export function single(address: string, host: HostFacts): string {
  return `${address}/${host.family === "ipv4" ? 32 : 128}`;
}
