import type { AdminPlan } from "@skein/policies";
import type { NodeFacts } from "./node-facts.ts";

/** The cluster that leads to Envoy's own admin interface. */
export function adminClusterName({ unifiedNaming }: NodeFacts): string {
  return unifiedNaming ? "system_envoy_admin" : "kuma:envoy:admin";
}

/** Where that interface is; `undefined` where the proxy does not say, or is not to be believed. */
export function adminTarget({
  adminSocket,
  adminAddress,
  adminPort,
}: NodeFacts): AdminPlan["target"] | undefined {
  if (adminSocket !== undefined) return { socket: adminSocket };
  if (adminAddress === undefined || adminPort === undefined) return undefined;
  return { address: adminAddress, port: adminPort };
}
