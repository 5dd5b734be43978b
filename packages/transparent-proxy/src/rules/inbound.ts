import type { Config } from "../config/config.ts";
import { type HostFacts, own } from "./host-facts.ts";
import { chain, log, type Part, RETURN, redirectChain, rule, showRange } from "./part.ts";
import { CHAIN_PREFIX, type Rule, type Verdict } from "./rule.ts";

/** The chain of connections that others open to this machine. */
export const INBOUND = `${CHAIN_PREFIX}INBOUND`;
const INBOUND_REDIRECT = `${CHAIN_PREFIX}INBOUND_REDIRECT`;

/** Rules for connections that others open to this machine. */
export function inboundParts(config: Config, host: HostFacts): readonly Part[] {
  const { inbound } = config;
  if (!inbound.enabled) return [];
  const redirect: Verdict = { kind: "jump", chain: INBOUND_REDIRECT };
  const rules: Rule[] = [
    ...log(config, "inbound"),
    ...own(inbound.excludeAddresses, host).map((source) =>
      rule({ source }, RETURN, `not captured: from ${source}`),
    ),
  ];
  if (inbound.includePorts.length > 0) {
    rules.push(
      ...inbound.includePorts.map((ports) =>
        rule({ protocol: "tcp", ports: [ports] }, redirect, `captured: port ${showRange(ports)}`),
      ),
    );
  } else {
    const shells = host.remoteShellPorts.filter(
      (port) => !inbound.excludePorts.some((range) => range.from <= port && port <= range.to),
    );
    rules.push(
      ...shells.map((port) =>
        rule(
          { protocol: "tcp", ports: [{ from: port, to: port }] },
          RETURN,
          `not captured: port ${port}, by which this machine is reached`,
        ),
      ),
      ...inbound.excludePorts.map((ports) =>
        rule({ protocol: "tcp", ports: [ports] }, RETURN, `not captured: port ${showRange(ports)}`),
      ),
      rule({ protocol: "tcp" }, redirect, "captured: all other inbound connections"),
    );
  }
  return [
    {
      chains: [chain("nat", INBOUND, rules), redirectChain(INBOUND_REDIRECT, inbound)],
      hooks: [
        {
          table: "nat",
          at: "PREROUTING",
          place: inbound.first || config.networks.length > 0 ? "first" : "last",
          match: { protocol: "tcp" },
          chain: INBOUND,
          comment: "inbound connections",
        },
      ],
    },
  ];
}
