import type { BackendReference } from "../definition.ts";
import type { HttpRoutePlan } from "../mesh-http-route/plan.ts";
import type { TcpRoutePlan } from "../mesh-tcp-route/policy.ts";
import type { PolicyPlans } from "./origin.ts";
import type { BackendPlan } from "./outbound-plan.ts";

/** What a MeshGateway makes of a proxy: a built-in gateway, which takes traffic from outside the mesh. */
export interface GatewayPlan {
  /** Name of the MeshGateway. */
  readonly name: string;
  readonly kri: string;
  /** One for each port, in the order of the ports. */
  readonly ports: readonly GatewayPortPlan[];
}

export type GatewayProtocol = "HTTP" | "HTTPS" | "TCP" | "TLS";

/** A port of a gateway: what Envoy calls a listener. */
export interface GatewayPortPlan {
  /** `<MeshGateway>:<protocol>:<port>`. */
  readonly listenerName: string;
  readonly address: string;
  readonly port: number;
  readonly protocol: GatewayProtocol;
  /** Told apart by the server name that a client asks for; the same object for all gateways that have it alike. */
  readonly chains: readonly GatewayChainPlan[];
}

/** What is done with the connections of a port, or with those of them that ask for one server name. */
export interface GatewayChainPlan {
  /** Of the chain, and of its routes where it carries requests: `<listener>:<host name>`. */
  readonly name: string;
  /** The names in TLS that lead here, `*` at most as the first label; every connection where absent. */
  readonly serverName: string | undefined;
  readonly protocol: GatewayProtocol;
  /** Names of the secrets with the certificates that clients see; absent where TLS does not end here. */
  readonly certificates: readonly string[] | undefined;
  /** How many connections there may be at a time; as many as the proxy takes in all where absent. */
  readonly connectionLimit?: number;
  /** What policies say of a connection: those that select every host name of the chain. */
  readonly policies: PolicyPlans;
  /** Told apart by the host that requests name. Connections that are not read have one. */
  readonly hosts: readonly GatewayHostPlan[];
  /** The gateway's tags as a header has them, where some policy of the mesh asks for them. */
  readonly callerTags?: string;
  /** Host names whose clients have come to the wrong connection: other chains of the port serve them. */
  readonly misdirected: readonly string[];
}

/** One entry of the MeshGateway's `conf.listeners`: what policies select. */
export interface GatewayHostPlan {
  /** `<port>:<host name>`. */
  readonly section: string;
  /** A name, all names below a domain (`*.example.com`), or all (`*`). */
  readonly hostname: string;
  /** What policies select it by: tags of the Dataplane, of the MeshGateway and its own. */
  readonly tags: Readonly<Record<string, string>>;
  /** What policies say of the traffic to it. */
  readonly policies: PolicyPlans;
  /** What policies say of the calls that it makes. */
  readonly calls: GatewayCalls;
  /** The host names that routes ask for, the most specific first; empty where connections are not read. */
  readonly virtualHosts: readonly GatewayVirtualHostPlan[];
  /** Where connections go that are not read; absent where they are. */
  readonly connections?: TcpRoutePlan;
  /** What its routes refer to. */
  readonly references: readonly BackendReference[];
  /** Where that leads, by the keys of the references. */
  readonly backends: Readonly<Record<string, BackendPlan>>;
}

/** What policies say of the calls that a listener's routes make, beside what the clusters of their destinations have. */
export interface GatewayCalls {
  /** By KRI of the destination: of what goes to it alone. */
  readonly byDestination: Readonly<Record<string, PolicyPlans>>;
  /** Of what is shared out to several destinations: what policies say of the whole mesh. Absent where nothing is. */
  readonly shared?: PolicyPlans;
}

/** The requests for one host name. */
export interface GatewayVirtualHostPlan {
  readonly hostname: string;
  /** In the order in which they are tried; what none of them takes is answered with 404. */
  readonly routes: readonly HttpRoutePlan[];
}
