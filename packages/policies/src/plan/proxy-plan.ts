import type { GatewayPlan } from "./gateway-plan.ts";
import type { Origin } from "./origin.ts";

/** Application protocols that change how traffic is handled; all others are plain bytes. */
export type Protocol = "tcp" | "http" | "http2" | "grpc";

/** What policies decided, by kind of policy. Each policy folder knows the shape of its own entry. */
export type PolicyPlans = Readonly<Record<string, unknown>>;

/** Whether Envoy resources carry Kuma's older names or the KRI-based ones. */
export type Naming = "legacy" | "unified";

/** The certificate a proxy presents, and how it is delivered. */
export interface IdentityPlan {
  readonly kind: "mesh-identity" | "mesh-mtls";
  /** KRI of the MeshIdentity, or `<mesh>/<backend>` for a backend of the Mesh. */
  readonly issuer: string;
  /** The URIs in the certificate, the SPIFFE id first. */
  readonly uris: readonly string[];
  /** Names of the SDS secrets. */
  readonly certificateSecret: string;
  readonly validationSecret: string;
}

/** What a caller needs to know to speak mTLS with a destination. */
export interface UpstreamTlsPlan {
  readonly certificateSecret: string;
  readonly validationSecret: string;
  readonly sni: string;
  /** The ids a server may present; any id of a trusted domain when empty. */
  readonly serverIds: readonly string[];
}

/** One port of one destination: the same object for every caller. */
export interface DestinationPlan {
  /** `ServiceTag` stands for all inbounds with a `kuma.io/service` tag, in meshes that have no MeshServices. */
  readonly kind: "MeshService" | "MeshMultiZoneService" | "MeshExternalService" | "ServiceTag";
  readonly mesh: string;
  readonly name: string;
  /** KRI with the port as section; the name of the service for a service tag, which has no KRI. */
  readonly kri: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly port: number;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly sni: string;
  readonly serverIds: readonly string[];
  /** Name of the cluster where KRI names are not in use. */
  readonly legacyName: string;
  readonly routeName: string;
}

/**
 * A destination among those of its mesh. `<MeshService>|<port number>`, `extsvc <MeshExternalService>|<port number>`,
 * `mzsvc <MeshMultiZoneService>|<port number>`, or `tag <service>|0`; names are those the resources are stored under.
 */
export type DestinationKey = `${string}|${number}`;

/** A place outside the mesh: a socket on the machine of the proxy, or an address or host name with a port. */
export type ExternalAddress =
  | { readonly socket: string }
  | { readonly host: string; readonly port: number; readonly isName: boolean };

/** One endpoint of an external service. */
export type ExternalEndpointPlan = ExternalAddress & {
  /** Envoy's, without gaps: 0 is called first, the next one when what comes before it is not well. */
  readonly priority: number;
  /** What its priority is called in statistics: the number that the resource gives. */
  readonly subZone: string;
};

/** A name that the certificate of an external service must have. */
export interface ExternalSanPlan {
  readonly match: "exact" | "prefix";
  readonly value: string;
}

export type ExternalTlsVersion = "TLSAuto" | "TLS10" | "TLS11" | "TLS12" | "TLS13";

/** TLS that a proxy makes with an external service: the caller's own, or an egress. */
export interface ExternalTlsPlan {
  readonly min: ExternalTlsVersion;
  readonly max: ExternalTlsVersion;
  readonly allowRenegotiation: boolean;
  /** Absent: the client names nobody. */
  readonly sni: string | undefined;
  /** What the server's certificate is checked against: a secret by name, the machine's own roots, or nothing. */
  readonly authorities: { readonly secret: string } | { readonly file: string } | undefined;
  /** Any of them will do, as DNS name or IP address; empty: the name is not checked. */
  readonly sans: readonly ExternalSanPlan[];
  /** Name of the secret with the client's certificate. */
  readonly clientSecret: string | undefined;
}

/** How a proxy reaches something outside the mesh. */
export interface ExternalPlan {
  readonly endpoints: readonly ExternalEndpointPlan[];
  /** Which addresses of host names are called. */
  readonly family: "v4" | "v4-preferred";
  /** Absent: what the application sends goes out as it is. */
  readonly tls: ExternalTlsPlan | undefined;
  /** Why nothing can be sent there now; absent where all is well. */
  readonly problem?: string;
  /** What somebody should put right though calls get through. */
  readonly warning?: string;
}

/** What a route's reference to another destination leads to. */
export type BackendPlan =
  | {
      readonly kind: "resolved";
      readonly target: DestinationKey;
      readonly destination: DestinationPlan;
      readonly clusterName: string;
    }
  /** There is no such destination; `problem` says what is missing. */
  | { readonly kind: "unresolved"; readonly problem: string };

/** How one kind of caller reaches a destination: shared by all callers with the same policies and identity source. */
export interface UpstreamPlan {
  readonly destination: DestinationPlan;
  readonly clusterName: string;
  readonly tls: UpstreamTlsPlan | undefined;
  /** Set where this proxy itself calls out of the mesh, or cannot call what is outside: then there is no mesh TLS. */
  readonly external?: ExternalPlan;
  /** The callers' tags as a header has them, where some policy of the mesh asks for them. */
  readonly callerTags?: string;
  readonly policies: PolicyPlans;
  /** Other destinations that policies send this one's traffic to, by the key of their reference. */
  readonly backends: Readonly<Record<string, BackendPlan>>;
  /** The same way without policies that stand alone: one object for all that differ in these. Absent where there are none. */
  readonly core?: UpstreamPlan;
}

/** A destination without a listener of its own: routes of other destinations lead there. */
export interface BackendClusterPlan {
  readonly target: DestinationKey;
  readonly upstream: UpstreamPlan;
  /** How this caller sees the destination's instances; absent where it sees them as everybody does. */
  readonly view?: EndpointsView;
}

export interface OutboundPlan {
  readonly listenerName: string;
  readonly address: string;
  readonly port: number;
  /** Key of the destination among those of the mesh. */
  readonly target: DestinationKey;
  readonly upstream: UpstreamPlan;
  /** How this caller sees the destination's instances; absent where it sees them as everybody does. */
  readonly view?: EndpointsView;
  /** Connections come by the port that the machine redirects to: nobody listens on the address itself. */
  readonly redirected?: true;
}

export type InboundTlsMode = "off" | "permissive" | "strict";

export interface InboundTlsPlan {
  readonly mode: InboundTlsMode;
  readonly certificateSecret: string;
  readonly validationSecret: string;
  /** Clients must present an id of one of these trust domains; the validation secret alone decides when empty. */
  readonly trustDomains: readonly string[];
}

/** What a proxy does with the connections that others open to it, but for where it takes them. */
export interface ServingPlan {
  readonly protocol: Protocol;
  readonly clusterName: string;
  readonly routeName: string;
  readonly virtualHost: string;
  readonly statPrefix: string;
  readonly tls: InboundTlsPlan | undefined;
  readonly policies: PolicyPlans;
}

/** What inbounds of many proxies share: everything but the address. */
export interface InboundSharedPlan extends ServingPlan {
  /** Address and port of the application. */
  readonly service: { readonly address: string; readonly port: number };
  /** The address from which the proxy calls it, where its own would be redirected back to the proxy. */
  readonly source?: string;
}

export interface InboundPlan {
  /** Name of the inbound, or its port. */
  readonly section: string;
  readonly kri: string;
  readonly listenerName: string;
  readonly address: string;
  readonly port: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly shared: InboundSharedPlan;
  /** Connections come by the port that the machine redirects to: nobody listens on the address itself. */
  readonly redirected?: true;
}

/** The way of one external service through a zone egress: the same object for all egresses that have it alike. */
export interface EgressChainPlan extends ServingPlan {
  readonly destination: DestinationPlan;
  /** Nobody is let in who is not of the mesh. */
  readonly tls: InboundTlsPlan;
  /** How the egress reaches it. */
  readonly external: ExternalPlan;
}

/** A listener by which others leave the mesh. */
export interface EgressPlan {
  /** Name of the listener, or its port. */
  readonly section: string;
  readonly kri: string;
  readonly listenerName: string;
  readonly address: string;
  readonly port: number;
  /** One for each external service, told apart by the server name that callers ask for; sorted by KRI. */
  readonly chains: readonly EgressChainPlan[];
}

export interface EndpointPlan {
  readonly address: string;
  readonly port: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface LocalityPlan {
  readonly zone: string;
  /** The tag by which a caller prefers these instances to others of the zone: `key=value`. */
  readonly subZone?: string;
  /** Share of the traffic among the localities of a priority; absent where instances count, not localities. */
  readonly weight?: number;
  readonly priority: number;
  readonly endpoints: readonly EndpointPlan[];
}

/** Where a destination's instances are: the same object for every caller with the same view. */
export interface EndpointsPlan {
  readonly localities: readonly LocalityPlan[];
  /** Health of a priority times this, in percent, is the traffic it keeps; Envoy's own where absent. */
  readonly overprovisioningFactor?: number;
  /** KRIs of the policies that decided this; absent where none did. */
  readonly policies?: readonly string[];
}

/**
 * How a caller sees the instances of a destination: which ones are near, which far ones may be called and in which
 * order. Callers with equal policies and equal tags of their own have the same object.
 */
export interface EndpointsView {
  /** The first that an instance of the caller's zone has decides where it belongs. Empty: they are all alike. */
  readonly affinity: readonly { readonly key: string; readonly value: string; readonly weight: number }[];
  /** Localities share the traffic by weight, not by how many instances they have. */
  readonly isWeighted: boolean;
  /** The first that names the zone of a far instance decides; one that none names is not called. */
  readonly otherZones: readonly OtherZones[];
  readonly overprovisioningFactor?: number;
  /** KRIs of the policies behind it. */
  readonly policies: readonly string[];
}

export interface OtherZones {
  readonly priority: number;
  /** These zones, or with `except` all others. */
  readonly zones: readonly string[];
  readonly except: boolean;
}

/** Where the control plane reaches Envoy's own admin interface. */
export interface AdminPlan {
  /** Of the listener and the cluster. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** The interface itself: a Unix socket, or a port that is open to the machine only. */
  readonly target: { readonly socket: string } | { readonly address: string; readonly port: number };
}

/** How a proxy takes connections that were opened to somebody else and that rules of the machine redirect to it. */
export interface TransparentPlan {
  /** Where connections of applications arrive; absent where they are not redirected. */
  readonly outboundPort: number | undefined;
  /** Where connections to applications arrive; absent where they are not redirected. */
  readonly inboundPort: number | undefined;
  /** Connections of IPv6 are redirected, too. */
  readonly ipv6: boolean;
  /** What no outbound is for goes where it was going, unless a policy says otherwise. */
  readonly passthrough: boolean;
  /** Ports that no inbound is for are closed. */
  readonly strictPorts: boolean;
  /** It has an inbound that is there for its identity only, whose port leads nowhere. */
  readonly serviceless: boolean;
}

/** A destination's instance that applications call by its own address. */
export interface DirectAccessPlan {
  readonly address: string;
  readonly port: number;
  /** Absent where the instance takes plain connections. */
  readonly tls: DirectAccessTlsPlan | undefined;
}

/** Mesh TLS with whoever of the mesh answers: the caller chose an address, not a service. */
export interface DirectAccessTlsPlan {
  readonly certificateSecret: string;
  readonly validationSecret: string;
  /** Servers must present an id of one of these trust domains; the validation secret alone decides when empty. */
  readonly trustDomains: readonly string[];
}

/** What the launcher beside Envoy is told, so that it can serve DNS. */
export interface DnsPlan {
  /** Of the listener and its routes. */
  readonly name: string;
  /** The Unix socket on which Envoy tells it. */
  readonly socket: string;
  /** The same object for all proxies that know the same names. */
  readonly records: readonly DnsRecord[];
}

/** A name of the mesh with its addresses. */
export interface DnsRecord {
  readonly name: string;
  readonly ips: readonly string[];
}

/** A thing about a proxy that somebody should know. */
export interface PlanCondition {
  readonly type: string;
  readonly message: string;
}

/**
 * All that one proxy should do, and why: plain data with no Envoy in it. Explain, inspect, preview and the tests read
 * this and nothing else, so they cannot disagree with what Envoy is told.
 */
export interface ProxyPlan {
  readonly mesh: string;
  readonly name: string;
  readonly kri: string;
  readonly zone: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly address: string;
  readonly naming: Naming;
  readonly identity: IdentityPlan | undefined;
  /** Absent where the interface stays local to the machine. */
  readonly admin: AdminPlan | undefined;
  /** Absent where applications call the proxy's own addresses only. */
  readonly transparent: TransparentPlan | undefined;
  /** Instances that applications call by their own addresses, sorted by address. */
  readonly directAccess?: readonly DirectAccessPlan[];
  /** Absent where the launcher does not serve DNS. */
  readonly dns: DnsPlan | undefined;
  readonly inbounds: readonly InboundPlan[];
  /** By which others leave the mesh; absent where nobody does by this proxy. */
  readonly egresses?: readonly EgressPlan[];
  /** What it takes from outside the mesh; absent where it is no built-in gateway, or no MeshGateway selects it. */
  readonly gateway?: GatewayPlan;
  readonly outbounds: readonly OutboundPlan[];
  /** What routes lead to, besides the outbounds' own destinations. */
  readonly backends: readonly BackendClusterPlan[];
  /** What policies say of the proxy as a whole. */
  readonly policies: PolicyPlans;
  readonly conditions: readonly PlanCondition[];
}

export type { Origin };
