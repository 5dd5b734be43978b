import type { Resource } from "@skein/model";

/** What a targetRef may carry, whatever kinds a policy allows; validation has already narrowed it. */
export interface TargetRef {
  readonly kind: string;
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly sectionName?: string | undefined;
  readonly proxyTypes?: readonly string[] | undefined;
  readonly mesh?: string | undefined;
}

/** SPIFFE ids: one, or one and all below it. */
export interface SpiffeMatch {
  readonly type: "Exact" | "Prefix";
  readonly value: string;
}

/** A condition on the caller: every part that is set must hold. */
export interface CallerMatch {
  readonly spiffeID?: SpiffeMatch | undefined;
  readonly sni?: { readonly type: "Exact"; readonly value: string } | undefined;
}

/** The shape that all targetRef policies share; each kind's schema narrows it. */
export interface PolicySpec {
  readonly targetRef?: TargetRef | undefined;
  readonly to?:
    | readonly { readonly targetRef: TargetRef; readonly default?: unknown; readonly rules?: unknown }[]
    | undefined;
  readonly from?: readonly { readonly targetRef: TargetRef; readonly default?: unknown }[] | undefined;
  readonly rules?:
    | readonly { readonly matches?: readonly CallerMatch[] | undefined; readonly default?: unknown }[]
    | undefined;
  readonly default?: unknown;
}

export type PolicyResource = Resource<PolicySpec>;

/** A targetRef left out means the whole mesh. */
export const WHOLE_MESH: TargetRef = { kind: "Mesh" };

export function topTarget(policy: PolicyResource): TargetRef {
  return policy.spec.targetRef ?? WHOLE_MESH;
}
