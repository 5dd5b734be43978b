export const PASSTHROUGH_MODES = ["All", "Matched", "None"] as const;
export const MATCH_TYPES = ["Domain", "IP", "CIDR"] as const;
export const MATCH_PROTOCOLS = ["tcp", "tls", "grpc", "http", "http2", "mysql"] as const;

export type PassthroughMode = (typeof PASSTHROUGH_MODES)[number];
export type MatchType = (typeof MATCH_TYPES)[number];
export type MatchProtocol = (typeof MATCH_PROTOCOLS)[number];

/** Traffic that may leave the mesh. */
export interface PassthroughMatch {
  readonly type: MatchType;
  readonly value: string;
  /** Every port where nothing is said. */
  readonly port?: number | undefined;
  /** `tcp` where nothing is said. */
  readonly protocol?: MatchProtocol | undefined;
}

/** `default` of a MeshPassthrough. */
export interface MeshPassthroughConf {
  /** `Matched` where no policy says more. */
  readonly passthroughMode?: PassthroughMode | undefined;
  readonly appendMatch?: readonly PassthroughMatch[] | undefined;
}

export const DEFAULT_MODE: PassthroughMode = "Matched";
export const DEFAULT_PROTOCOL: MatchProtocol = "tcp";

/**
 * How a protocol is told from others: by nothing (every connection is bytes), by its TLS hello, or by its HTTP request.
 * Protocols of one way of recognition cannot be told apart.
 */
export type Recognition = "bytes" | "tls" | "http";

export function recognition(protocol: MatchProtocol): Recognition {
  switch (protocol) {
    case "tcp":
    case "mysql":
      return "bytes";
    case "tls":
      return "tls";
    default:
      return "http";
  }
}

/** Names of the clusters that entries lead to begin with this; it is their origin for MeshProxyPatch. */
export const PASSTHROUGH_ORIGIN = "meshpassthrough";
