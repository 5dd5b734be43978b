import type { Config } from "../config/config.ts";
import { capturesDns, notLocal } from "./dns.ts";
import { type HostFacts, LOCAL, single } from "./host-facts.ts";
import { chain, DNS_PORT, type Part, rule } from "./part.ts";
import { CHAIN_PREFIX, type Match, type Rule } from "./rule.ts";

const ZONES_OUT = `${CHAIN_PREFIX}DNS_ZONES_OUT`;
const ZONES_IN = `${CHAIN_PREFIX}DNS_ZONES_IN`;

/** Connections of applications to DNS servers, and of the proxy to them, whose tracking must not be mixed up. */
const ZONE = { upstream: 1, local: 2 } as const;

/**
 * DNS of applications to the proxy and of the proxy to servers can have equal addresses and ports; the kernel would take
 * them for one connection and change the wrong packets. Zones keep them apart.
 */
export function zoneParts(config: Config, host: HostFacts): readonly Part[] {
  if (!capturesDns(config, host) || !config.dns.zones) return [];
  // Docker's redirect leaves the answers without port 53, so that the zone of an answer cannot be told.
  if (host.dockerDns && config.dns.capture === "all") return [];
  const query: Match = { protocol: "udp", ports: DNS_PORT };
  const proxy = { from: host.proxyUid, to: host.proxyUid };
  const zone = (match: Match, of: keyof typeof ZONE, why: string): Rule =>
    rule(match, { kind: "zone", zone: ZONE[of] }, `zone ${ZONE[of]}: ${why}`);
  const servers = host.resolvers.map((server) => single(server, host));
  const out = [
    zone({ ...query, owner: proxy }, "upstream", "the proxy asks a server"),
    zone(
      { protocol: "udp", sourcePort: config.dns.port, owner: proxy },
      "local",
      "the proxy answers an application",
    ),
    // Without this, answers to what is not captured would belong to no connection, and a firewall would drop them.
    ...notLocal(config, host).map(({ match, why }) => zone(match, "upstream", why)),
    ...(config.dns.capture === "all"
      ? [zone(query, "local", "an application asks")]
      : servers.flatMap((server) => [
          zone({ ...query, destination: server }, "local", `an application asks ${server}`),
          ...(isLoopback(server)
            ? [
                zone(
                  { protocol: "udp", source: server, destination: LOCAL[host.family] },
                  "upstream",
                  `${server} answers from this machine`,
                ),
              ]
            : []),
        ])),
  ];
  const back: Match = { protocol: "udp", sourcePort: 53 };
  const networks = config.networks.filter(({ cidr }) => cidr.family === host.family);
  const into = [
    // The proxy's answers to them are in that zone.
    ...[...new Set(networks.map(({ interfaceName }) => interfaceName))].map((name) =>
      zone({ ...query, inInterface: name }, "local", `asked from ${name}`),
    ),
    ...(config.dns.capture === "all"
      ? [zone(back, "upstream", "a server answers")]
      : servers.map((source) => zone({ ...back, source }, "upstream", `${source} answers`))),
  ];
  return [
    {
      chains: [chain("raw", ZONES_OUT, out), chain("raw", ZONES_IN, into)],
      hooks: [
        {
          table: "raw",
          at: "OUTPUT",
          place: "last",
          match: { protocol: "udp" },
          chain: ZONES_OUT,
          comment: "zones of DNS",
        },
        {
          table: "raw",
          at: "PREROUTING",
          place: "last",
          match: { protocol: "udp" },
          chain: ZONES_IN,
          comment: "zones of DNS",
        },
      ],
    },
  ];
}

function isLoopback(cidr: string): boolean {
  return cidr.startsWith("127.") || cidr === "::1/128";
}
