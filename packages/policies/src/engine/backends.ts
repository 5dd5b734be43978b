import type { BackendRef, TargetRefKind, Violation } from "@skein/model";
import type { BackendReference } from "../definition.ts";
import type { DestinationPlan } from "../plan/destination-plan.ts";
import type { Origin } from "../plan/origin.ts";
import type { BackendPlan } from "../plan/outbound-plan.ts";
import type { PolicyResource } from "./policy-resource.ts";

/** What a route may send traffic to. */
export const BACKEND_KINDS: readonly TargetRefKind[] = [
  "MeshService",
  "MeshServiceSubset",
  "MeshExternalService",
  "MeshMultiZoneService",
];

/** What a route may send copies to. */
export const MIRROR_KINDS: readonly TargetRefKind[] = ["MeshService", "MeshServiceSubset"];

/** Envoy adds up the weights of a split in 32 bits. */
const MAX_WEIGHT = 4_294_967_295;

/** What is wrong with the shares of one rule. */
export function weightViolations(refs: readonly BackendRef[], field: string): readonly Violation[] {
  const over = refs.flatMap(({ weight }, i) =>
    weight > MAX_WEIGHT
      ? [{ field: `${field}[${i}].weight`, reason: `must not be greater than ${MAX_WEIGHT}` }]
      : [],
  );
  if (over.length > 0) return over;
  return refs.reduce((sum, { weight }) => sum + weight, 0) > MAX_WEIGHT
    ? [{ field, reason: `the weights must add up to at most ${MAX_WEIGHT}` }]
    : [];
}

/** A reference of a policy's rule, with where it stands. `path` is its place in the policy's spec. */
export function backendReference(
  policy: PolicyResource,
  policyKri: string,
  path: string,
  ref: BackendRef,
): BackendReference {
  return {
    key: `${policyKri} ${path}`,
    ref,
    zone: policy.labels["kuma.io/zone"],
    namespace: policy.labels["k8s.kuma.io/namespace"],
    origin: { policy: policyKri, rule: path },
  };
}

/** A share of a route's traffic. */
export interface WeightedBackend {
  /** Key of the reference among the upstream's `backends`. */
  readonly key: string;
  readonly weight: number;
  readonly origin: Origin;
}

/** A share that can be served. */
export interface LiveBackend {
  readonly clusterName: string;
  readonly destination: DestinationPlan;
  readonly weight: number;
}

/** The shares that can be served: those with a weight that planning found. The others' traffic goes to these. */
export function liveBackends(
  shares: readonly WeightedBackend[],
  backends: Readonly<Record<string, BackendPlan>>,
): readonly LiveBackend[] {
  return shares.flatMap(({ key, weight }) => {
    const backend = backends[key];
    if (weight === 0 || backend?.kind !== "resolved") return [];
    const { clusterName, destination } = backend;
    return [{ clusterName, destination, weight }];
  });
}
