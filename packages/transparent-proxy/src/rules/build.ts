import type { Config, Redirection } from "../config/config.ts";
import type { Cidr, Family } from "../config/network-address.ts";
import type { Range } from "../config/readers.ts";
import {
  CHAIN_PREFIX,
  type Chain,
  type Hook,
  type Match,
  type Rule,
  type RuleSet,
  type Table,
  type Verdict,
} from "./rule.ts";

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

/** The proxy hands an inbound connection of no known port on from this address, by which it is told from others. */
export const PASSTHROUGH: Readonly<Record<Family, string>> = { ipv4: "127.0.0.6/32", ipv6: "::6/128" };

/** Addresses of the machine itself that nobody else can reach. */
const LOCAL: Readonly<Record<Family, string>> = { ipv4: "127.0.0.0/8", ipv6: "::1/128" };

const INBOUND = `${CHAIN_PREFIX}INBOUND`;
const OUTBOUND = `${CHAIN_PREFIX}OUTBOUND`;
const INBOUND_REDIRECT = `${CHAIN_PREFIX}INBOUND_REDIRECT`;
const OUTBOUND_REDIRECT = `${CHAIN_PREFIX}OUTBOUND_REDIRECT`;
const DNS = `${CHAIN_PREFIX}DNS`;
const NETWORKS = `${CHAIN_PREFIX}NETWORKS`;
const ZONES_OUT = `${CHAIN_PREFIX}DNS_ZONES_OUT`;
const ZONES_IN = `${CHAIN_PREFIX}DNS_ZONES_IN`;
const INVALID = `${CHAIN_PREFIX}INVALID`;

const RETURN: Verdict = { kind: "return" };
const DNS_PORT: readonly Range[] = [{ from: 53, to: 53 }];
/** Connections of applications to DNS servers, and of the proxy to them, whose tracking must not be mixed up. */
const ZONE = { upstream: 1, local: 2 } as const;

/** Rules of one IP version, pure. Their order within a chain is their meaning. */
export function buildRules(config: Config, host: HostFacts): RuleSet {
  const parts = [natParts(config, host), zoneParts(config, host), invalidParts(config)].flat();
  return {
    family: host.family,
    chains: parts.flatMap((part) => part.chains),
    hooks: parts.flatMap((part) => part.hooks),
    comments: config.comments,
  };
}

interface Part {
  readonly chains: readonly Chain[];
  readonly hooks: readonly Hook[];
}

function natParts(config: Config, host: HostFacts): readonly Part[] {
  return [
    networkParts(config, host),
    dnsParts(config, host),
    inboundParts(config, host),
    outboundParts(config, host),
  ].flat();
}

function inboundParts(config: Config, host: HostFacts): readonly Part[] {
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

function outboundParts(config: Config, host: HostFacts): readonly Part[] {
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

function dnsParts(config: Config, host: HostFacts): readonly Part[] {
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

/** Containers behind interfaces of this machine: their traffic is outbound, though it comes in. */
function networkParts(config: Config, host: HostFacts): readonly Part[] {
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

/**
 * DNS of applications to the proxy and of the proxy to servers can have equal addresses and ports; the kernel would take
 * them for one connection and change the wrong packets. Zones keep them apart.
 */
function zoneParts(config: Config, host: HostFacts): readonly Part[] {
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

function invalidParts(config: Config): readonly Part[] {
  if (!config.dropInvalid) return [];
  return [
    {
      chains: [
        chain("mangle", INVALID, [
          rule({ invalid: true }, { kind: "drop" }, "dropped: belongs to no connection"),
        ]),
      ],
      hooks: [
        {
          table: "mangle",
          at: "PREROUTING",
          place: "last",
          match: {},
          chain: INVALID,
          comment: "invalid packets",
        },
      ],
    },
  ];
}

function capturesDns(config: Config, host: HostFacts): boolean {
  return config.dns.capture === "all" || (config.dns.capture === "resolvers" && host.resolvers.length > 0);
}

/** DNS that is not captured though it goes where captured DNS goes. */
function notLocal(
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

/** Of UDP only DNS is ever captured, so only what concerns port 53 is excluded. */
function userExclusions(config: Config, protocol: "tcp" | "udp"): readonly Rule[] {
  return config.outbound.excludeUsers
    .filter(({ protocols }) => protocols.includes(protocol))
    .flatMap(({ ports, uids }): readonly Rule[] => {
      const why = `not captured: uid ${showRange(uids)}${ports.length === 0 ? "" : ` to port ${ports.map(showRange).join(",")}`}`;
      if (protocol === "udp") {
        const dns = ports.length === 0 || ports.some(({ from, to }) => from <= 53 && 53 <= to);
        return dns ? [rule({ protocol, ports: DNS_PORT, owner: uids }, RETURN, why)] : [];
      }
      if (ports.length === 0) return [rule({ protocol, owner: uids }, RETURN, why)];
      return chunks(ports).map((part) => rule({ protocol, ports: part, owner: uids }, RETURN, why));
    });
}

/** iptables takes 15 ports in a rule, and a range counts for two. */
function chunks(ports: readonly Range[]): readonly (readonly Range[])[] {
  return Array.from({ length: Math.ceil(ports.length / 7) }, (_, i) => ports.slice(7 * i, 7 * i + 7));
}

function log(config: Config, what: string): readonly Rule[] {
  if (config.logLevel === undefined) return [];
  return [
    rule({}, { kind: "log", prefix: `kuma-mesh ${what}: `, level: config.logLevel }, "logged by the kernel"),
  ];
}

function redirectChain(name: string, { port }: Redirection): Chain {
  return chain("nat", name, [
    rule({ protocol: "tcp" }, { kind: "redirect", port }, `to port ${port} of the proxy`),
  ]);
}

function chain(table: Table, name: string, rules: readonly Rule[]): Chain {
  return { table, name, rules };
}

function rule(match: Match, verdict: Verdict, comment: string): Rule {
  return { match, verdict, comment };
}

function own(cidrs: readonly Cidr[], host: HostFacts): readonly string[] {
  return cidrs.filter(({ family }) => family === host.family).map(({ text }) => text);
}

function single(address: string, host: HostFacts): string {
  return `${address}/${host.family === "ipv4" ? 32 : 128}`;
}

function isLoopback(cidr: string): boolean {
  return cidr.startsWith("127.") || cidr === "::1/128";
}

function showRange({ from, to }: Range): string {
  return from === to ? String(from) : `${from}-${to}`;
}
