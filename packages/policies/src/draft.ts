import type { Any } from "@bufbuild/protobuf/wkt";
import type { Cluster } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import type { Filter } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import type { Listener } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import type { Route } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { RBAC } from "@skein/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb";
import type { HttpConnectionManager } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import type { TcpProxy } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import type { TlsParameters } from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb";
import type { HttpProtocolOptions } from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import type { CallerMatch, SpiffeMatch } from "./engine/policy-resource.ts";
import type { DestinationPlan, Protocol } from "./plan/destination-plan.ts";
import type { BackendPlan } from "./plan/outbound-plan.ts";

/** A route on the way to a destination. */
export interface OutboundRouteDraft {
  readonly route: Route;
  /** KRI of the route's policy, without a section; absent for what takes the requests that no policy is about. */
  readonly policy?: string | undefined;
}

/** A route to the application. */
export interface InboundRouteDraft {
  readonly route: Route;
  /** The callers that it is for; absent for the one that takes all others. */
  readonly caller?: CallerMatch;
}

/**
 * Envoy configuration in the making: what the translation has so far, for policies to change in their order. The parts
 * that Envoy wants packed are still open here and are packed when all policies are through.
 */
export interface OutboundDraft {
  readonly protocol: Protocol;
  /** The calls come in by a built-in gateway, which waits for strangers less long than a proxy for its own application. */
  readonly fromGateway?: boolean;
  /** The destination is outside the mesh: nobody there knows of zones, and each endpoint has its priority. */
  readonly isExternal: boolean;
  readonly cluster: Cluster;
  /** Packed into the cluster's `typed_extension_protocol_options`. */
  readonly httpOptions: HttpProtocolOptions;
  /** Goes into the upstream TLS context, where there is one. */
  tlsParams: TlsParameters | undefined;
  /** One of the two, by protocol. */
  readonly hcm: HttpConnectionManager | undefined;
  readonly tcp: TcpProxy | undefined;
  /** Routes of the only virtual host, in the order in which Envoy tries them; empty without `hcm`. */
  readonly routes: OutboundRouteDraft[];
  /** Where references of policies lead, by their key. */
  readonly backends: Readonly<Record<string, BackendPlan>>;
  /** Added to every request on its way out. */
  readonly requestHeaders: Map<string, string>;
}

/** A service outside of the mesh that a filter of a policy asks. */
export interface AskedService {
  readonly cluster: Cluster;
  /** The kind of the policy. */
  readonly askedBy: string;
}

export interface InboundDraft {
  readonly protocol: Protocol;
  readonly statPrefix: string;
  readonly cluster: Cluster;
  readonly httpOptions: HttpProtocolOptions;
  tlsParams: TlsParameters | undefined;
  readonly hcm: HttpConnectionManager | undefined;
  readonly tcp: TcpProxy | undefined;
  /**
   * Routes to the application, in the order in which Envoy tries them: one for each group of callers that some policy
   * treats apart, then the one for all. Empty without `hcm`.
   */
  readonly routes: readonly InboundRouteDraft[];
  /** By name of an HTTP filter, what it does on every route that has nothing of its own under that name. */
  readonly virtualHostConfig: Record<string, Any>;
  /** Network filters that look at a connection before `hcm` or `tcp` get it, in their order. */
  readonly networkFilters: Filter[];
  /** Services that filters ask, by the name of their cluster. */
  readonly services: Map<string, AskedService>;
  /**
   * The decision who may call, for the chains that carry mesh TLS and only those. For HTTP it goes into the routes: there
   * it reaches requests on connections that are open already, which a changed filter chain would not.
   */
  authorization: { readonly http?: RBAC; readonly network?: Filter } | undefined;
  /** The ids of which a caller needs one for its TLS handshake to succeed; absent: any of the trust domains that are known. */
  admittedIds: readonly SpiffeMatch[] | undefined;
}

/** What takes the connections that clients outside the mesh open to a built-in gateway, in the making. */
export interface GatewayChainDraft {
  readonly statPrefix: string;
  /** One of the two: requests are read, or bytes passed on. */
  readonly hcm: HttpConnectionManager | undefined;
  readonly tcp: TcpProxy | undefined;
  /** By name of an HTTP filter, what it does on every route of all hosts that has nothing of its own under that name. */
  readonly config: Record<string, Any>;
  /** Network filters that look at a connection before `hcm` or `tcp` get it, in their order. */
  readonly networkFilters: Filter[];
  /** Services that filters ask, by the name of their cluster. */
  readonly services: Map<string, AskedService>;
}

/** A route of a built-in gateway. */
export interface GatewayRouteDraft extends OutboundRouteDraft {
  /** Where its requests go, as far as they can; empty where it answers itself. */
  readonly destinations: readonly DestinationPlan[];
}

/** The requests for one host name of a listener. */
export interface GatewayVirtualHostDraft {
  readonly hostname: string;
  /** In the order in which Envoy tries them. */
  readonly routes: readonly GatewayRouteDraft[];
  /** By name of an HTTP filter, what it does on every route that has nothing of its own under that name. */
  readonly config: Record<string, Any>;
}

/** One listener of a built-in gateway: those on one port share a chain where they are not told apart before. */
export interface GatewayHostDraft {
  readonly chain: GatewayChainDraft;
  readonly virtualHosts: readonly GatewayVirtualHostDraft[];
}

/** What takes the connections of applications that no outbound is for, in the making. */
export interface TransparentDraft {
  /** One listener for each family of addresses, each with a chain that passes everything on. */
  readonly listeners: { readonly ipv4: Listener; readonly ipv6: Listener | undefined };
  /** The clusters behind them, by name. Without `Mesh.networking.outbound.passthrough` the default ones are not there. */
  readonly clusters: Map<string, Cluster>;
}
