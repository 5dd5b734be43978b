import type { PolicyDefinition } from "./definition.ts";
import { meshCircuitBreaker } from "./mesh-circuit-breaker/policy.ts";
import { meshProxyPatch } from "./mesh-proxy-patch/policy.ts";
import { meshRetry } from "./mesh-retry/policy.ts";
import { meshTimeout } from "./mesh-timeout/policy.ts";
import { meshTls } from "./mesh-tls/policy.ts";
import { meshTrafficPermission } from "./mesh-traffic-permission/policy.ts";

/** Every policy, in the order in which they change Envoy's configuration. A new policy stands here and in `kinds.ts`. */
export const policies: readonly PolicyDefinition[] = [
  meshTls,
  meshTimeout,
  meshTrafficPermission,
  meshCircuitBreaker,
  meshRetry,
  meshProxyPatch,
].sort((a, b) => a.order - b.order);
