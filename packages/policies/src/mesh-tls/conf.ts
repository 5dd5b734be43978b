export type TlsVersion = "TLSAuto" | "TLS10" | "TLS11" | "TLS12" | "TLS13";

/** `default` of a MeshTLS. */
export interface MeshTlsConf {
  readonly mode?: "Strict" | "Permissive" | undefined;
  readonly tlsVersion?:
    | { readonly min?: TlsVersion | undefined; readonly max?: TlsVersion | undefined }
    | undefined;
  readonly tlsCiphers?: readonly string[] | undefined;
}
