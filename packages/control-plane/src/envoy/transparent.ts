import { create, type MessageInitShape } from "@bufbuild/protobuf";
import {
  type Cluster,
  ClusterSchema,
  Cluster_DiscoveryType as DiscoveryType,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { CidrRangeSchema } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import { TrafficDirection } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import {
  type FilterChain,
  FilterChainMatchSchema,
  FilterChainSchema,
  type ListenerFilter,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import { isIpv6, SERVICELESS_INBOUND_PORT } from "@skein/model";
import {
  firstBytesPatience,
  type InboundPlan,
  type IpFamily,
  type Naming,
  networkFilter,
  notOnPorts,
  originalDestinationCluster,
  originalDestinationFilter,
  type PassthroughDirection,
  type PolicyDefinition,
  type PolicyPlans,
  passthroughName,
  statName,
  type TransparentDraft,
  type TransparentPlan,
} from "@skein/policies";
import { UNREDIRECTED_SOURCE } from "../plan/redirect.ts";
import type { InboundListenerParts } from "./inbound.ts";
import { bindTo, seconds, socketAddress } from "./values.ts";

/** What a transparent proxy has besides its inbounds and outbounds. */
export interface TransparentResources {
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
}

/** A port that an inbound is for. */
export interface InboundPort {
  readonly port: number;
  /** All of the inbound but its address. */
  readonly parts: InboundListenerParts;
  /** The address of the inbound where it is for that only; absent where it stands for its port at every address. */
  readonly onlyAt: string | undefined;
}

/** An inbound that has chains where connections arrive. */
export interface InboundAtPassthrough extends Pick<InboundPort, "onlyAt"> {
  readonly inbound: InboundPlan;
}

/** What all listeners of a proxy have alike. */
export interface ListenerTraits {
  readonly naming: Naming;
  readonly reusePort: boolean;
}

/** Connections of applications are redirected. */
export type OutboundRedirect = TransparentPlan & { readonly outboundPort: number };
/** Connections to applications are redirected. */
export type InboundRedirect = TransparentPlan & { readonly inboundPort: number };

const CONNECT_TIMEOUT_SECONDS = 10;
const ANY_ADDRESS = { ipv4: "0.0.0.0", ipv6: "::" } as const;

/** Name of the cluster of connections that lead nowhere, by both kinds of names. */
const NO_DESTINATION = "self_transparentproxy_no_destination_inbound";

/**
 * Where connections of applications arrive. Those to an outbound go to its listener, by their original destination; the
 * others are passed on, or closed where there is no cluster for them.
 */
export function translateOutboundPassthrough(
  plan: OutboundRedirect,
  traits: ListenerTraits,
  definitions: readonly PolicyDefinition[],
  policies: PolicyPlans,
): TransparentResources {
  const { outboundPort: port } = plan;
  const ips = families(plan);
  const listener = (ip: IpFamily): Listener => {
    const name = passthroughName("outbound", ip, traits.naming);
    return passthroughListener("outbound", ip, port, traits, [chainTo(name, name)]);
  };
  const draft: TransparentDraft = {
    listeners: { ipv4: listener("ipv4"), ipv6: plan.ipv6 ? listener("ipv6") : undefined },
    clusters: new Map(
      plan.passthrough
        ? ips.map((ip) => {
            const name = passthroughName("outbound", ip, traits.naming);
            return [name, originalDestination(name, undefined)];
          })
        : [],
    ),
  };
  for (const definition of definitions) {
    definition.translateTransparent?.(policies[definition.kind.type], draft);
  }
  const { ipv4, ipv6 } = draft.listeners;
  for (const made of [ipv4, ipv6]) made?.filterChains.push(...nowhere(made.name, [port]));
  return { listeners: ipv6 === undefined ? [ipv4] : [ipv4, ipv6], clusters: [...draft.clusters.values()] };
}

/**
 * Where connections to applications arrive. Those to an inbound go to its listener, by their original destination. The
 * port of an inbound that demands mesh TLS does so at every address of the machine; other ports are passed on, or
 * closed where ports are strict. For a moment in which an inbound's listener is replaced by one of another name, and
 * nobody is at its address, there is what that listener has here, too.
 */
export function translateInboundPassthrough(
  plan: InboundRedirect,
  traits: ListenerTraits,
  inbounds: readonly InboundPort[],
): TransparentResources {
  const listeners = families(plan).map((ip) => {
    const name = passthroughName("inbound", ip, traits.naming);
    const here = inbounds.filter(({ onlyAt }) => onlyAt === undefined || isIpv6(onlyAt) === (ip === "ipv6"));
    const chains = here.flatMap(({ port, parts, onlyAt }) =>
      parts.chains.map((chain) => onlyTo(port, onlyAt, chain)),
    );
    if (!plan.strictPorts) {
      const own = [plan.inboundPort, plan.outboundPort].filter((port) => port !== undefined);
      chains.push(
        // Envoy does not look at chains without a port once some chain is for the port.
        ...portsAtOneAddress(here).map((destinationPort) => chainTo(name, name, { destinationPort })),
        chainTo(name, name),
        ...nowhere(name, own),
      );
    } else if (plan.serviceless) {
      chains.push(chainTo(name, NO_DESTINATION, { destinationPort: SERVICELESS_INBOUND_PORT }));
    }
    const made = passthroughListener("inbound", ip, plan.inboundPort, traits, chains);
    made.listenerFilters = listenerFilters(here);
    if (here.some(({ parts: { clientMayWait } }) => clientMayWait)) Object.assign(made, firstBytesPatience());
    return made;
  });
  const passing = families(plan).map((ip) =>
    originalDestination(passthroughName("inbound", ip, traits.naming), UNREDIRECTED_SOURCE[ip]),
  );
  const isClosed = plan.strictPorts && plan.serviceless;
  return { listeners, clusters: isClosed ? [...passing, noDestination()] : passing };
}

/** The inbounds that have chains where connections arrive, and for which addresses; of several at one place the first. */
export function inboundsAtPassthrough(
  { strictPorts }: TransparentPlan,
  inbounds: readonly InboundPlan[],
): readonly InboundAtPassthrough[] {
  const taken = new Set<string>();
  return inbounds.flatMap<InboundAtPassthrough>((inbound) => {
    const { port, address, shared, redirected = false } = inbound;
    const isForAll = (strictPorts || shared.tls?.mode === "strict") && !taken.has(`*:${port}`);
    const onlyAt = isForAll ? undefined : address;
    const place = `${onlyAt ?? "*"}:${port}`;
    if (taken.has(place) || !(isForAll || redirected)) return [];
    taken.add(place);
    return [{ inbound, onlyAt }];
  });
}

/** A cluster that connects to where a connection was going, from `source` if one is given. */
export function originalDestination(name: string, source: string | undefined): Cluster {
  const cluster = originalDestinationCluster(name);
  if (source !== undefined) cluster.upstreamBindConfig = bindTo(source);
  return cluster;
}

function noDestination(): Cluster {
  return create(ClusterSchema, {
    name: NO_DESTINATION,
    clusterDiscoveryType: { case: "type", value: DiscoveryType.STATIC },
    loadAssignment: create(ClusterLoadAssignmentSchema, { clusterName: NO_DESTINATION }),
    connectTimeout: seconds(CONNECT_TIMEOUT_SECONDS),
  });
}

function passthroughListener(
  direction: PassthroughDirection,
  ip: IpFamily,
  port: number,
  { naming, reusePort }: ListenerTraits,
  filterChains: FilterChain[],
): Listener {
  const name = passthroughName(direction, ip, naming);
  return create(ListenerSchema, {
    name,
    address: socketAddress(ANY_ADDRESS[ip], port),
    trafficDirection: direction === "inbound" ? TrafficDirection.INBOUND : TrafficDirection.OUTBOUND,
    enableReusePort: reusePort,
    statPrefix: naming === "unified" ? name : "",
    useOriginalDst: true,
    filterChains,
  });
}

function families({ ipv6 }: TransparentPlan): readonly IpFamily[] {
  return ipv6 ? ["ipv4", "ipv6"] : ["ipv4"];
}

/**
 * Chains for the ports of redirection themselves, to a cluster that is not there. Passed on, a call to such a port comes
 * back to it, again and again: Envoy was seen to end of it.
 */
function nowhere(listener: string, ports: readonly number[]): readonly FilterChain[] {
  return ports.map((destinationPort) => chainTo(listener, NO_DESTINATION, { destinationPort }));
}

function chainTo(
  statPrefixOf: string,
  cluster: string,
  match?: MessageInitShape<typeof FilterChainMatchSchema>,
): FilterChain {
  const tcp = create(TcpProxySchema, {
    statPrefix: statName(statPrefixOf),
    clusterSpecifier: { case: "cluster", value: cluster },
  });
  const chain = create(FilterChainSchema, {
    filters: [networkFilter("envoy.filters.network.tcp_proxy", TcpProxySchema, tcp)],
  });
  if (match !== undefined) chain.filterChainMatch = create(FilterChainMatchSchema, match);
  return chain;
}

/** A chain of an inbound's listener, for one of many ports, and one of many addresses where one is given. */
function onlyTo(destinationPort: number, address: string | undefined, chain: FilterChain): FilterChain {
  const match = chain.filterChainMatch ?? create(FilterChainMatchSchema);
  const prefixRanges =
    address === undefined
      ? []
      : [create(CidrRangeSchema, { addressPrefix: address, prefixLen: isIpv6(address) ? 128 : 32 })];
  return { ...chain, filterChainMatch: { ...match, destinationPort, prefixRanges } };
}

/** Ports of which other addresses than those of inbounds are not spoken for. */
function portsAtOneAddress(inbounds: readonly InboundPort[]): readonly number[] {
  const everywhere = new Set(inbounds.flatMap(({ port, onlyAt }) => (onlyAt === undefined ? [port] : [])));
  return [...new Set(inbounds.map(({ port }) => port))].filter((port) => !everywhere.has(port));
}

/** What inbounds must know of a connection is only looked for on their ports: elsewhere the server may speak first. */
function listenerFilters(inbounds: readonly InboundPort[]): ListenerFilter[] {
  const byName = new Map<string, { readonly filter: ListenerFilter; readonly ports: Set<number> }>();
  for (const { port, parts } of inbounds) {
    for (const filter of parts.listenerFilters) {
      const known = byName.get(filter.name) ?? { filter, ports: new Set() };
      known.ports.add(port);
      byName.set(filter.name, known);
    }
  }
  if (byName.size === 0) return [];
  const inspectors = [...byName.values()].map(({ filter, ports }) => {
    const elsewhere = notOnPorts([...ports]);
    return elsewhere === undefined ? filter : { ...filter, filterDisabled: elsewhere };
  });
  return [originalDestinationFilter(), ...inspectors];
}
