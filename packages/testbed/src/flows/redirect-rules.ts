import type { NetworkHost } from "../net/network-host.ts";

/** What is redirected on a host, and for whom not. */
export interface Redirects {
  /** Connections of this user are the proxy's own. */
  readonly uid: number;
  readonly inbound: boolean;
}

/** Redirects a host's connections to its proxy, by the least rules that do. */
export async function redirect(host: NetworkHost, { uid, inbound }: Redirects): Promise<void> {
  const rules = (own: string, source: string): string =>
    [
      "*nat",
      ":OUT - [0:0]",
      ":IN - [0:0]",
      ...(inbound ? ["-A PREROUTING -p tcp -j IN"] : []),
      "-A OUTPUT -p tcp -j OUT",
      "-A IN -p tcp -j REDIRECT --to-ports 15006",
      `-A OUT -s ${source} -o lo -j RETURN`,
      ...(inbound ? [`-A OUT -o lo ! -d ${own} -m owner --uid-owner ${uid} -j IN`] : []),
      `-A OUT -o lo -m owner ! --uid-owner ${uid} -j RETURN`,
      `-A OUT -m owner --uid-owner ${uid} -j RETURN`,
      `-A OUT -d ${own} -j RETURN`,
      "-A OUT -p tcp -j REDIRECT --to-ports 15001",
      "COMMIT",
      "",
    ].join("\n");
  await host.check(["iptables-restore"], { stdin: rules("127.0.0.1/32", "127.0.0.6/32") });
  await host.check(["ip6tables-restore"], { stdin: rules("::1/128", "::6/128") });
  await host.check(["ip", "-6", "address", "add", "::6/128", "dev", "lo"]);
}
