import { isDeepStrictEqual } from "node:util";
import { create } from "@bufbuild/protobuf";
import {
  MetadataSchema,
  TrafficDirection,
  type TransportSocket,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import type { Filter, FilterChain } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import type { RouteConfiguration } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { ConnectionLimitSchema } from "@skein/envoy-api/envoy/extensions/filters/network/connection_limit/v3/connection_limit_pb";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import {
  TlsParametersSchema,
  TlsParameters_TlsProtocol as TlsProtocol,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb";
import {
  CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb";
import {
  type AskedService,
  type GatewayChainDraft,
  type GatewayChainPlan,
  type GatewayHostDraft,
  type GatewayHostPlan,
  type GatewayPortPlan,
  networkFilter,
  type PolicyDefinition,
  statName,
} from "@skein/policies";
import { liveBackends } from "@skein/policies/engine/backends";
import { shareConnections } from "@skein/policies/mesh-tcp-route/envoy";
import { callByConnection, callByRoute, type Sender } from "./gateway-calls.ts";
import { edgeConnectionManager, gatewayRouteConfiguration, virtualHostDrafts } from "./gateway-http.ts";
import { chain, tcpProxy, tlsInspector } from "./serving.ts";
import { secretByName, tlsSocket } from "./tls.ts";
import { socketAddress } from "./values.ts";

/** Bytes that a connection of a stranger may make the proxy keep, in each direction. */
const CONNECTION_BUFFER = 32 * 1024;

/** What a chain of a gateway becomes. */
export interface TranslatedGatewayChain {
  readonly chain: FilterChain;
  /** Of services that its filters ask. */
  readonly services: readonly AskedService[];
  /** Absent where requests are not read. */
  readonly routes: RouteConfiguration | undefined;
}

/** The way of clients into a gateway, with what policies make of it. */
export function translateGatewayChain(
  plan: GatewayChainPlan,
  definitions: readonly PolicyDefinition[],
): TranslatedGatewayChain {
  const isHttp = plan.protocol === "HTTP" || plan.protocol === "HTTPS";
  const statPrefix = statName(plan.name);
  const tcp = create(TcpProxySchema, { statPrefix });
  for (const { connections, backends } of plan.hosts) {
    if (connections !== undefined) shareConnections(connections, backends, tcp);
  }
  const draft: GatewayChainDraft = {
    statPrefix,
    hcm: isHttp ? edgeConnectionManager(plan.name, statPrefix) : undefined,
    tcp: isHttp ? undefined : tcp,
    config: {},
    networkFilters: [],
    services: new Map(),
  };
  for (const host of plan.hosts) {
    if (host.connections !== undefined) callByConnection(tcp, liveEnds(host), host.calls, definitions);
  }
  const hosts = plan.hosts.map(
    (host): GatewayHostDraft => ({ chain: draft, virtualHosts: virtualHostDrafts(host) }),
  );
  for (const [i, { calls }] of plan.hosts.entries()) {
    const routes = hosts[i]?.virtualHosts.flatMap((each) => each.routes) ?? [];
    for (const route of routes) callByRoute(route, calls, definitions);
  }
  // One policy after the other, whatever it is about: HTTP filters come in their order.
  for (const definition of definitions) {
    const { type } = definition.kind;
    const ofChain = plan.policies[type];
    definition.translateGatewayChain?.(ofChain, draft);
    for (const [i, host] of hosts.entries()) {
      const own = plan.hosts[i]?.policies[type];
      definition.translateGatewayHost?.(isDeepStrictEqual(own, ofChain) ? ofChain : own, host, ofChain);
    }
  }
  const last =
    draft.hcm === undefined
      ? tcpProxy(tcp)
      : networkFilter(
          "envoy.filters.network.http_connection_manager",
          HttpConnectionManagerSchema,
          draft.hcm,
        );
  const filters = [...connectionLimit(plan, statPrefix), ...draft.networkFilters, last];
  const made = chain(filters, chainMatch(plan), clientTls(plan));
  made.name = plan.name;
  return {
    chain: made,
    services: [...draft.services.values()],
    routes: isHttp
      ? gatewayRouteConfiguration(
          plan,
          draft.config,
          hosts.map(({ virtualHosts }) => virtualHosts),
        )
      : undefined,
  };
}

/** Where the connections of a listener go that are not read. */
function liveEnds({ connections, backends }: GatewayHostPlan): Sender {
  const live = liveBackends(connections?.backends ?? [], backends);
  return { destinations: live.map(({ destination }) => destination) };
}

/** Where TLS is expected, only TLS gets in: with the server name that the chain is for, if there is one. */
function chainMatch({ protocol, serverName }: GatewayChainPlan): Parameters<typeof chain>[1] {
  if (protocol === "HTTP" || protocol === "TCP") return undefined;
  return {
    transportProtocol: "tls",
    ...(serverName === undefined ? {} : { serverNames: [serverName] }),
  };
}

/** Closes the connections that are too many, before anything is done for them. */
function connectionLimit(
  { connectionLimit: limit }: GatewayChainPlan,
  statPrefix: string,
): readonly Filter[] {
  if (limit === undefined) return [];
  const config = create(ConnectionLimitSchema, { statPrefix, maxConnections: BigInt(limit) });
  return [networkFilter("envoy.filters.network.connection_limit", ConnectionLimitSchema, config)];
}

/** The called end of TLS with clients that have no certificate of the mesh. */
function clientTls({ certificates, protocol }: GatewayChainPlan): TransportSocket | undefined {
  if (certificates === undefined) return undefined;
  return tlsSocket(
    DownstreamTlsContextSchema,
    create(DownstreamTlsContextSchema, {
      commonTlsContext: create(CommonTlsContextSchema, {
        tlsParams: create(TlsParametersSchema, { tlsMinimumProtocolVersion: TlsProtocol.TLSv1_2 }),
        tlsCertificateSdsSecretConfigs: certificates.map(secretByName),
        // Of bytes nobody here knows what they are.
        alpnProtocols: protocol === "HTTPS" ? ["h2", "http/1.1"] : [],
      }),
      requireClientCertificate: false,
    }),
  );
}

/** A port of a gateway, but for its filter chains. */
export function gatewayListener(plan: GatewayPortPlan, reusePort: boolean): Listener {
  const { listenerName, address, port, protocol } = plan;
  const [first = {}, ...others] = plan.chains.flatMap(({ hosts }) => hosts.map(({ tags }) => tags));
  const common = Object.entries(first).filter(([key, value]) => others.every((tags) => tags[key] === value));
  return create(ListenerSchema, {
    name: listenerName,
    address: socketAddress(address, port),
    trafficDirection: TrafficDirection.INBOUND,
    enableReusePort: reusePort,
    statPrefix: statName(listenerName),
    perConnectionBufferLimitBytes: CONNECTION_BUFFER,
    metadata: create(MetadataSchema, { filterMetadata: { "io.kuma.tags": Object.fromEntries(common) } }),
    listenerFilters: protocol === "HTTP" || protocol === "TCP" ? [] : [tlsInspector()],
  });
}
