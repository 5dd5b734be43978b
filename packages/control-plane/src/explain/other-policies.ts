import type { PolicyPlans } from "@skein/policies";
import { rulesOf } from "../api/plan-entry.ts";
import type { Fact } from "./explanation.ts";

/** Kinds that have a step or facts of their own. */
const TOLD = new Set([
  "MeshTimeout",
  "MeshCircuitBreaker",
  "MeshRetry",
  "MeshTLS",
  "MeshTrafficPermission",
  "MeshFaultInjection",
  "MeshHTTPRoute",
  "MeshTCPRoute",
  "MeshRateLimit",
  "MeshFaultInjection",
  "MeshGlobalRateLimit",
]);

/** What all other policies say here, one fact for each of their rules. */
export function otherPolicies(policies: PolicyPlans): readonly Fact[] {
  return Object.entries(policies)
    .filter(([type]) => !TOLD.has(type))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([type, entry]) =>
      rulesOf(entry).map(({ conf, origins: [origin] }) => ({
        name: type,
        value: JSON.stringify(conf),
        ...(origin === undefined ? {} : { origin }),
      })),
    );
}
