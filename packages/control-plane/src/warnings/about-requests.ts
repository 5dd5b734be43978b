import { valueAt } from "./value-at.ts";

/** Where a policy says what only requests have: the paths in `default`, of whatever kind. */
const OF_REQUESTS = ["http", "grpc", "local.http"] as const;

/** Whether an entry of a policy says anything of requests, so that a port of bytes has no use for that. */
export function isAboutRequests(conf: unknown): boolean {
  return OF_REQUESTS.some((path) => valueAt(conf, path) !== undefined);
}

/** What to do about a service of this kind that should speak HTTP and does not say so. */
export function protocolRemedy(kind: string): string {
  return kind === "MeshExternalService" ? "set match.protocol" : "set appProtocol on its port";
}
