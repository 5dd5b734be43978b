import type { DestinationKey, DestinationPlan } from "./destination-plan.ts";
import type { EndpointsView } from "./endpoints-plan.ts";
import type { ExternalPlan } from "./external-plan.ts";
import type { PolicyPlans } from "./origin.ts";

/** An address and port by which the proxy's application calls a destination. */
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
  /** What these say of it, mostly the same object for all that are told the same. There where `core` is. */
  readonly said?: PolicyPlans;
}

/** What a caller needs to know to speak mTLS with a destination. */
export interface UpstreamTlsPlan {
  readonly certificateSecret: string;
  readonly validationSecret: string;
  readonly sni: string;
  /** The ids a server may present; any id of a trusted domain when empty. */
  readonly serverIds: readonly string[];
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

/** A destination without a listener of its own: routes of other destinations lead there. */
export interface BackendClusterPlan {
  readonly target: DestinationKey;
  readonly upstream: UpstreamPlan;
  /** How this caller sees the destination's instances; absent where it sees them as everybody does. */
  readonly view?: EndpointsView;
}
