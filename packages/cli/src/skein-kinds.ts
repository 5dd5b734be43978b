import type { KindDefinition } from "@skein/model";
import { coreKinds } from "@skein/model/registry";
import { meshCircuitBreakerKind } from "@skein/policies/mesh-circuit-breaker/kind";
import { meshRetryKind } from "@skein/policies/mesh-retry/kind";
import { meshTimeoutKind } from "@skein/policies/mesh-timeout/kind";
import { meshTlsKind } from "@skein/policies/mesh-tls/kind";
import { meshTrafficPermissionKind } from "@skein/policies/mesh-traffic-permission/kind";
import { createKinds, type Kinds } from "./kinds.ts";

/**
 * Every kind that Skein has. The policies' kinds are imported one by one because their package's entry also loads the
 * translation to Envoy, which costs more than all the rest of a command; a test compares this list with that entry's.
 */
export function skeinKinds(): Kinds<KindDefinition> {
  return createKinds([
    ...coreKinds,
    meshCircuitBreakerKind,
    meshRetryKind,
    meshTimeoutKind,
    meshTlsKind,
    meshTrafficPermissionKind,
  ]);
}
