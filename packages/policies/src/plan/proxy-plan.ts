import type { EgressPlan } from "./egress-plan.ts";
import type { GatewayPlan } from "./gateway-plan.ts";
import type { InboundPlan } from "./inbound-plan.ts";
import type { PolicyPlans } from "./origin.ts";
import type { BackendClusterPlan, OutboundPlan } from "./outbound-plan.ts";
import type { DirectAccessPlan, TransparentPlan } from "./transparent-plan.ts";

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

/** Where the control plane reaches Envoy's own admin interface. */
export interface AdminPlan {
  /** Of the listener and the cluster. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  /** The interface itself: a Unix socket, or a port that is open to the machine only. */
  readonly target: { readonly socket: string } | { readonly address: string; readonly port: number };
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
