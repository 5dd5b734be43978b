import type { DestinationPlan } from "./destination-plan.ts";
import type { ExternalPlan } from "./external-plan.ts";
import type { InboundTlsPlan, ServingPlan } from "./inbound-plan.ts";

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

/** The way of one external service through a zone egress: the same object for all egresses that have it alike. */
export interface EgressChainPlan extends ServingPlan {
  readonly destination: DestinationPlan;
  /** Nobody is let in who is not of the mesh. */
  readonly tls: InboundTlsPlan;
  /** How the egress reaches it. */
  readonly external: ExternalPlan;
}
