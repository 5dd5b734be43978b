import type { Config } from "../config/config.ts";
import type { Family } from "../config/network-address.ts";
import { userExclusions } from "./excluded-users.ts";
import { type HostFacts, LOCAL, own } from "./host-facts.ts";
import { INBOUND } from "./inbound.ts";
import { chain, DNS_PORT, log, type Part, RETURN, redirectChain, rule, showRange } from "./part.ts";
import { CHAIN_PREFIX, type Rule, type Verdict } from "./rule.ts";

/** The proxy hands an inbound connection of no known port on from this address, by which it is told from others. */
const PASSTHROUGH: Readonly<Record<Family, string>> = { ipv4: "127.0.0.6/32", ipv6: "::6/128" };

const OUTBOUND = `${CHAIN_PREFIX}OUTBOUND`;
const OUTBOUND_REDIRECT = `${CHAIN_PREFIX}OUTBOUND_REDIRECT`;

/** Rules for connections that processes of this machine open. */
export function outboundParts(config: Config, host: HostFacts): readonly Part[] {
  const { outbound, inbound } = config;
  if (!outbound.enabled) return [];
  const { proxyUid } = host;
  const redirect: Verdict = { kind: "jump", chain: OUTBOUND_REDIRECT };
  const proxy = { from: proxyUid, to: proxyUid };
  const rules: Rule[] = [
    ...log(config, "outbound"),
    rule(
      { source: PASSTHROUGH[host.family], outInterface: host.loopback },
      RETURN,
      "not captured: the proxy hands an inbound connection on to the application",
    ),
    ...(inbound.enabled
      ? [
          rule(
            {
              protocol: "tcp",
              outInterface: host.loopback,
              notDestination: LOCAL[host.family],
              owner: proxy,
            },
            { kind: "jump", chain: INBOUND },
            `inbound: the proxy (uid ${proxyUid}) calls an address of this machine`,
          ),
        ]
      : []),
    rule(
      { protocol: "tcp", outInterface: host.loopback, notOwner: proxyUid },
      RETURN,
      "not captured: within this machine",
    ),
    rule({ owner: proxy }, RETURN, `not captured: the proxy itself (uid ${proxyUid})`),
    rule({ destination: LOCAL[host.family] }, RETURN, "not captured: loopback addresses"),
    ...userExclusions(config, "tcp"),
    ...own(outbound.excludeAddresses, host).map((destination) =>
      rule({ destination }, RETURN, `not captured: to ${destination}`),
    ),
  ];
  if (config.dns.capture !== "none") {
    rules.push(
      rule(
        { protocol: "tcp", ports: DNS_PORT },
        RETURN,
        "not captured: DNS over TCP, which the proxy does not serve",
      ),
    );
  }
  if (outbound.includePorts.length > 0) {
    rules.push(
      ...outbound.includePorts.map((ports) =>
        rule({ protocol: "tcp", ports: [ports] }, redirect, `captured: port ${showRange(ports)}`),
      ),
    );
  } else {
    rules.push(
      ...outbound.excludePorts.map((ports) =>
        rule({ protocol: "tcp", ports: [ports] }, RETURN, `not captured: port ${showRange(ports)}`),
      ),
      rule({ protocol: "tcp" }, redirect, "captured: all other outbound connections"),
    );
  }
  return [
    {
      chains: [chain("nat", OUTBOUND, rules), redirectChain(OUTBOUND_REDIRECT, outbound)],
      hooks: [
        {
          table: "nat",
          at: "OUTPUT",
          place: outbound.first ? "first" : "last",
          match: { protocol: "tcp" },
          chain: OUTBOUND,
          comment: "outbound connections",
        },
      ],
    },
  ];
}
