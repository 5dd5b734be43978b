import { create } from "@bufbuild/protobuf";
import type { Cluster } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { TrafficDirection } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { FilterChainSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import { type DirectAccessPlan, type DirectAccessTlsPlan, networkFilter, statName } from "@skein/policies";
import { directAccessTls } from "./tls.ts";
import { originalDestination } from "./transparent.ts";
import { socketAddress } from "./values.ts";

/** Takes the connections of applications to one instance: they go where they were going, bytes as they are. */
export function directAccessListener({ address, port, tls }: DirectAccessPlan, reusePort: boolean): Listener {
  const name = directAccessName(address, port);
  const tcp = create(TcpProxySchema, {
    statPrefix: statName(name),
    clusterSpecifier: { case: "cluster", value: clusterName(tls) },
  });
  return create(ListenerSchema, {
    name,
    address: socketAddress(address, port),
    trafficDirection: TrafficDirection.OUTBOUND,
    enableReusePort: reusePort,
    bindToPort: false,
    filterChains: [
      create(FilterChainSchema, {
        filters: [networkFilter("envoy.filters.network.tcp_proxy", TcpProxySchema, tcp)],
      }),
    ],
  });
}

/** The cluster behind such listeners: one for instances that take mesh TLS, one for the others. */
export function directAccessCluster(tls: DirectAccessTlsPlan | undefined): Cluster {
  const cluster = originalDestination(clusterName(tls), undefined);
  if (tls !== undefined) cluster.transportSocket = directAccessTls(tls);
  return cluster;
}

/** Name of the listener of an instance. */
export function directAccessName(address: string, port: number): string {
  return `direct_access_${address}:${port}`;
}

function clusterName(tls: DirectAccessTlsPlan | undefined): string {
  return tls === undefined ? "direct_access_plain" : "direct_access";
}
