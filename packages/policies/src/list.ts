import type { KindDefinition } from "@skein/model";
import type { PolicyDefinition } from "./definition.ts";
import { meshCircuitBreakerKind } from "./mesh-circuit-breaker/kind.ts";
import { meshFaultInjectionKind } from "./mesh-fault-injection/kind.ts";
import { meshGlobalRateLimitKind } from "./mesh-global-rate-limit/kind.ts";
import { meshHealthCheckKind } from "./mesh-health-check/kind.ts";
import { meshHttpRouteKind } from "./mesh-http-route/kind.ts";
import { meshLoadBalancingStrategyKind } from "./mesh-load-balancing-strategy/kind.ts";
import { meshOpaKind } from "./mesh-opa/kind.ts";
import { meshPassthroughKind } from "./mesh-passthrough/kind.ts";
import { meshProxyPatchKind } from "./mesh-proxy-patch/kind.ts";
import { meshRateLimitKind } from "./mesh-rate-limit/kind.ts";
import { meshRetryKind } from "./mesh-retry/kind.ts";
import { meshTcpRouteKind } from "./mesh-tcp-route/kind.ts";
import { meshTimeoutKind } from "./mesh-timeout/kind.ts";
import { meshTlsKind } from "./mesh-tls/kind.ts";
import { meshTrafficPermissionKind } from "./mesh-traffic-permission/kind.ts";

/** A policy in the list: its schema at once, the rest when it is asked for. */
export interface ListedPolicy {
  readonly kind: KindDefinition;
  /** Brings the translation to Envoy along, which whoever only validates documents should not wait for. */
  readonly load: () => Promise<PolicyDefinition>;
}

/** Every policy. A new one is a folder and two lines here. */
export const policyList: readonly ListedPolicy[] = [
  {
    kind: meshCircuitBreakerKind,
    load: async () => (await import("./mesh-circuit-breaker/policy.ts")).meshCircuitBreaker,
  },
  {
    kind: meshGlobalRateLimitKind,
    load: async () => (await import("./mesh-global-rate-limit/policy.ts")).meshGlobalRateLimit,
  },
  { kind: meshHttpRouteKind, load: async () => (await import("./mesh-http-route/policy.ts")).meshHttpRoute },
  { kind: meshRetryKind, load: async () => (await import("./mesh-retry/policy.ts")).meshRetry },
  { kind: meshTcpRouteKind, load: async () => (await import("./mesh-tcp-route/policy.ts")).meshTcpRoute },
  { kind: meshTimeoutKind, load: async () => (await import("./mesh-timeout/policy.ts")).meshTimeout },
  { kind: meshTlsKind, load: async () => (await import("./mesh-tls/policy.ts")).meshTls },
  {
    kind: meshTrafficPermissionKind,
    load: async () => (await import("./mesh-traffic-permission/policy.ts")).meshTrafficPermission,
  },
  {
    kind: meshHealthCheckKind,
    load: async () => (await import("./mesh-health-check/policy.ts")).meshHealthCheck,
  },
  {
    kind: meshLoadBalancingStrategyKind,
    load: async () => (await import("./mesh-load-balancing-strategy/policy.ts")).meshLoadBalancingStrategy,
  },
  { kind: meshOpaKind, load: async () => (await import("./mesh-opa/policy.ts")).meshOpa },
  { kind: meshRateLimitKind, load: async () => (await import("./mesh-rate-limit/policy.ts")).meshRateLimit },
  {
    kind: meshFaultInjectionKind,
    load: async () => (await import("./mesh-fault-injection/policy.ts")).meshFaultInjection,
  },
  {
    kind: meshPassthroughKind,
    load: async () => (await import("./mesh-passthrough/policy.ts")).meshPassthrough,
  },
  {
    kind: meshProxyPatchKind,
    load: async () => (await import("./mesh-proxy-patch/policy.ts")).meshProxyPatch,
  },
];
