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

/** One endpoint of an external service. */
export type ExternalEndpointPlan = ExternalAddress & {
  /** Envoy's, without gaps: 0 is called first, the next one when what comes before it is not well. */
  readonly priority: number;
  /** What its priority is called in statistics: the number that the resource gives. */
  readonly subZone: string;
};

/** A place outside the mesh: a socket on the machine of the proxy, or an address or host name with a port. */
export type ExternalAddress =
  | { readonly socket: string }
  | { readonly host: string; readonly port: number; readonly isName: boolean };

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

/** Versions of TLS, as a MeshExternalService names them. */
export type ExternalTlsVersion = "TLSAuto" | "TLS10" | "TLS11" | "TLS12" | "TLS13";

/** A name that the certificate of an external service must have. */
export interface ExternalSanPlan {
  readonly match: "exact" | "prefix";
  readonly value: string;
}
