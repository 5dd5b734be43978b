import type { Config } from "../config/config.ts";
import type { HostFacts } from "./host-facts.ts";
import { chain, DNS_PORT, type Part, RETURN, rule } from "./part.ts";
import { CHAIN_PREFIX } from "./rule.ts";

const NETWORKS = `${CHAIN_PREFIX}NETWORKS`;

/** Containers behind interfaces of this machine: their traffic is outbound, though it comes in. */
export function networkParts(config: Config, host: HostFacts): readonly Part[] {
  const networks = config.networks.filter(({ cidr }) => cidr.family === host.family);
  const interfaces = [...new Set(networks.map((network) => network.interfaceName))];
  const rules = interfaces.flatMap((name) => [
    ...(config.dns.capture === "none"
      ? []
      : [
          rule(
            { inInterface: name, protocol: "udp", ports: DNS_PORT },
            { kind: "redirect", port: config.dns.port },
            `captured: DNS from ${name}`,
          ),
        ]),
    ...networks
      .filter((network) => network.interfaceName === name)
      .map(({ cidr }) =>
        rule(
          { inInterface: name, protocol: "tcp", destination: cidr.text },
          RETURN,
          `not captured: within ${cidr.text}`,
        ),
      ),
    ...(config.outbound.enabled
      ? [
          rule(
            { inInterface: name, protocol: "tcp" },
            { kind: "redirect", port: config.outbound.port },
            `captured: outbound connections from ${name}`,
          ),
        ]
      : []),
  ]);
  if (rules.length === 0) return [];
  return [
    {
      chains: [chain("nat", NETWORKS, rules)],
      hooks: [
        {
          table: "nat",
          at: "PREROUTING",
          place: "first",
          match: {},
          chain: NETWORKS,
          comment: "networks behind interfaces",
        },
      ],
    },
  ];
}
