import type { Config } from "../config/config.ts";
import { userExclusions } from "./excluded-users.ts";
import { type HostFacts, own, single } from "./host-facts.ts";
import { chain, DNS_PORT, log, type Part, RETURN, rule } from "./part.ts";
import { CHAIN_PREFIX, type Match, type Verdict } from "./rule.ts";

const DNS = `${CHAIN_PREFIX}DNS`;

/** Rules for what applications ask DNS servers. */
export function dnsParts(config: Config, host: HostFacts): readonly Part[] {
  if (!capturesDns(config, host)) return [];
  const query: Match = { protocol: "udp", ports: DNS_PORT };
  const redirect: Verdict = { kind: "redirect", port: config.dns.port };
  const rules = [
    ...log(config, "dns"),
    ...notLocal(config, host).map(({ match, why }) => rule(match, RETURN, `not captured: ${why}`)),
    rule(
      { ...query, owner: { from: host.proxyUid, to: host.proxyUid } },
      host.dockerDns ? { kind: "jump", chain: "DOCKER_OUTPUT" } : RETURN,
      `not captured: the proxy itself (uid ${host.proxyUid})`,
    ),
    // What Docker's chain has not taken of the proxy's must not reach the rules below.
    ...(host.dockerDns
      ? [
          rule(
            { ...query, owner: { from: host.proxyUid, to: host.proxyUid } },
            RETURN,
            `not captured: the proxy itself (uid ${host.proxyUid})`,
          ),
        ]
      : []),
    ...(config.dns.capture === "all"
      ? [rule(query, redirect, "captured: all other DNS")]
      : host.resolvers.map((server) =>
          rule({ ...query, destination: single(server, host) }, redirect, `captured: DNS server ${server}`),
        )),
  ];
  return [
    {
      chains: [chain("nat", DNS, rules)],
      hooks: [{ table: "nat", at: "OUTPUT", place: "first", match: query, chain: DNS, comment: "DNS" }],
    },
  ];
}

/** Whether any DNS of that IP version is captured. */
export function capturesDns(config: Config, host: HostFacts): boolean {
  return config.dns.capture === "all" || (config.dns.capture === "resolvers" && host.resolvers.length > 0);
}

/** DNS that is not captured though it goes where captured DNS goes. */
export function notLocal(
  config: Config,
  host: HostFacts,
): readonly { readonly match: Match; readonly why: string }[] {
  const query: Match = { protocol: "udp", ports: DNS_PORT };
  return [
    ...userExclusions(config, "udp").map(({ match, comment }) => ({
      match,
      why: comment.replace(/^not captured: /, ""),
    })),
    ...own(config.outbound.excludeAddresses, host).map((destination) => ({
      match: { ...query, destination },
      why: `to ${destination}`,
    })),
    ...(config.dns.capture === "all"
      ? host.resolverUids.map((uid) => ({
          match: { ...query, owner: { from: uid, to: uid } },
          why: `DNS server of this machine (uid ${uid})`,
        }))
      : []),
  ];
}
