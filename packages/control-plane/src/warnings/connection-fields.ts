/** What of a MeshTimeout holds for a connection, whatever requests come on it: paths in `default`. */
export const TIMEOUTS_OF_CONNECTIONS: readonly string[] = [
  "connectionTimeout",
  "idleTimeout",
  "http.maxStreamDuration",
  "http.maxConnectionDuration",
  "http.requestHeadersTimeout",
];
