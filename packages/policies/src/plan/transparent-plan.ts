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
