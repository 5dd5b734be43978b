import type { Protocol } from "./destination-plan.ts";
import type { PolicyPlans } from "./origin.ts";

/** An address and port by which others reach the proxy's application. */
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

/** What inbounds of many proxies share: everything but the address. */
export interface InboundSharedPlan extends ServingPlan {
  /** Address and port of the application. */
  readonly service: { readonly address: string; readonly port: number };
  /** The address from which the proxy calls it, where its own would be redirected back to the proxy. */
  readonly source?: string;
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

/** Whether clients may, or must, speak mTLS. */
export type InboundTlsMode = "off" | "permissive" | "strict";

/** What a proxy needs to know to take mTLS from others. */
export interface InboundTlsPlan {
  readonly mode: InboundTlsMode;
  readonly certificateSecret: string;
  readonly validationSecret: string;
  /** Clients must present an id of one of these trust domains; the validation secret alone decides when empty. */
  readonly trustDomains: readonly string[];
}
