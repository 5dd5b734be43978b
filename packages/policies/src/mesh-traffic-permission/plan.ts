import type { CallerMatch, TargetRef } from "../engine/policy-resource.ts";
import type { Origin } from "../plan/origin.ts";

/** One list of one rule. Its matches are alternatives. */
export interface PermissionRule {
  readonly matches: readonly CallerMatch[];
  readonly origin: Origin;
}

/** By SPIFFE id: any deny refuses, else any allow lets in, else nothing does. */
export interface IdentityPermissions {
  readonly model: "identity";
  readonly deny: readonly PermissionRule[];
  /** Lets in, and counts as denied in the shadow statistics. */
  readonly allowWithShadowDeny: readonly PermissionRule[];
  readonly allow: readonly PermissionRule[];
}

export type PermissionAction = "Allow" | "Deny" | "AllowWithShadowDeny";

/** By tags of the caller: the last entry that covers the caller decides; nobody is let in where none does. */
export interface TagPermissions {
  readonly model: "tags";
  readonly mesh: string;
  /** From lowest to highest precedence. */
  readonly entries: readonly {
    readonly target: TargetRef;
    readonly action: PermissionAction;
    readonly origin: Origin;
  }[];
}

/**
 * For certificates with several URIs, and while SPIFFE ids replace tags: a caller that either of the two lets in gets
 * in, unless a rule denies it. Decided by the certificate alone: of rules with a server name, an allow does not count
 * here and a deny counts for every name, so that the window is never wider than before or after.
 */
export interface EitherPermissions {
  readonly model: "either";
  readonly tags: TagPermissions;
  readonly identity: IdentityPermissions;
}

/** Who may call an inbound. */
export type PermissionPlan = IdentityPermissions | TagPermissions | EitherPermissions;
