import type { KindDefinition } from "@skein/model";
import { meshCircuitBreakerKind } from "./mesh-circuit-breaker/kind.ts";
import { meshProxyPatchKind } from "./mesh-proxy-patch/kind.ts";
import { meshRetryKind } from "./mesh-retry/kind.ts";
import { meshTimeoutKind } from "./mesh-timeout/kind.ts";
import { meshTlsKind } from "./mesh-tls/kind.ts";
import { meshTrafficPermissionKind } from "./mesh-traffic-permission/kind.ts";

/**
 * The resource kinds of all policies. Apart from `all.ts`, which brings the translation to Envoy along: a command line
 * that only validates documents should not wait for that to load. A test holds the two lists together.
 */
export const policyKinds: readonly KindDefinition[] = [
  meshTlsKind,
  meshTimeoutKind,
  meshTrafficPermissionKind,
  meshCircuitBreakerKind,
  meshRetryKind,
  meshProxyPatchKind,
];
