import { create } from "@bufbuild/protobuf";
import type { Cluster } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { CidrRangeSchema } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import {
  type Filter,
  type FilterChain,
  FilterChainMatchSchema,
  FilterChainSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import type { Listener } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import type { TransparentDraft } from "../draft.ts";
import { duration } from "../envoy-values.ts";
import { networkFilter, statName } from "../network-filter.ts";
import { originalDestinationCluster } from "../original-destination.ts";
import { type ChainPlan, chainsOf } from "./chains.ts";
import { type MeshPassthroughConf, PASSTHROUGH_ORIGIN } from "./conf.ts";
import { type Entry, readEntries } from "./entries.ts";
import { connectionManager, upstreamHttp } from "./http.ts";
import { inspect } from "./inspectors.ts";

/** Name of a chain by which nothing leaves. */
const NOTHING = `${PASSTHROUGH_ORIGIN}_none`;

/** Lets out of the mesh what the policies say, and nothing else. */
export function passThrough(conf: MeshPassthroughConf, draft: TransparentDraft): void {
  const mode = conf.passthroughMode;
  const { entries } = readEntries(mode === "Matched" ? conf : {});
  for (const [family, listener] of [
    [4, draft.listeners.ipv4],
    [6, draft.listeners.ipv6],
  ] as const) {
    if (listener === undefined) continue;
    const { name } = listener;
    if (mode === "All") {
      if (!draft.clusters.has(name)) draft.clusters.set(name, originalDestinationCluster(name));
      continue;
    }
    draft.clusters.delete(name);
    // What asks for the listener's own port would come back to it for ever.
    const chains = chainsOf(entries, family).filter(
      ({ port }) => port === undefined || port !== portOf(listener),
    );
    if (chains.length === 0) close(listener);
    else replaceChains(listener, chains);
    for (const entry of chains.flatMap((chain) => chain.entries)) {
      const cluster = clusterName(entry);
      if (!draft.clusters.has(cluster)) draft.clusters.set(cluster, clusterOf(entry, cluster));
    }
  }
}

/**
 * Envoy takes no listener without a chain. Those that are there lead to a cluster that is not, so they let nothing out. As
 * other chains than before, by their names, they also end what was let out through those.
 */
function close(listener: Listener): void {
  for (const chain of listener.filterChains) chain.name = NOTHING;
}

function replaceChains(listener: Listener, chains: readonly ChainPlan[]): void {
  listener.filterChains = chains.map(filterChain);
  inspect(listener, chains);
}

function portOf({ address }: Listener): number | undefined {
  const socket = address?.address;
  return socket?.case === "socketAddress" && socket.value.portSpecifier.case === "portValue"
    ? socket.value.portSpecifier.value
    : undefined;
}

function filterChain(chain: ChainPlan): FilterChain {
  const { name, port, range, by, serverName } = chain;
  return create(FilterChainSchema, {
    name,
    filterChainMatch: create(FilterChainMatchSchema, {
      ...(port === undefined ? {} : { destinationPort: port }),
      prefixRanges:
        range === undefined
          ? []
          : [create(CidrRangeSchema, { addressPrefix: range.address, prefixLen: range.length })],
      serverNames: serverName === undefined ? [] : [serverName],
      transportProtocol: by === undefined ? "" : by === "tls" ? "tls" : "raw_buffer",
      applicationProtocols: by === "http" ? ["http/1.0", "http/1.1", "h2c"] : [],
    }),
    filters: [by === "http" ? connectionManager(chain, clusterName) : tcpProxy(chain)],
  });
}

function tcpProxy({ name, entries }: ChainPlan): Filter {
  const [entry] = entries;
  const cluster = entry === undefined ? "" : clusterName(entry);
  return networkFilter(
    "envoy.filters.network.tcp_proxy",
    TcpProxySchema,
    create(TcpProxySchema, {
      statPrefix: statName(name),
      clusterSpecifier: { case: "cluster", value: cluster },
      idleTimeout: duration("1h"),
    }),
  );
}

/** Name of the cluster of an entry; two entries have two, so that each is seen in statistics. */
function clusterName({ protocol, value, port }: Entry): string {
  return `${PASSTHROUGH_ORIGIN}_${protocol}_${value}_${port ?? "*"}`;
}

function clusterOf(entry: Entry, name: string): Cluster {
  const cluster = originalDestinationCluster(name);
  if (entry.recognition === "http") {
    cluster.typedExtensionProtocolOptions = upstreamHttp(entry.protocol === "http" ? "as it comes" : "http2");
  }
  return cluster;
}
