import type { KindDefinition } from "@skein/model";
import type { InboundDraft, OutboundDraft } from "./draft.ts";
import type { PolicyResource } from "./engine/policy-resource.ts";
import type { Origin } from "./plan/origin.ts";
import type { DestinationPlan, PolicyPlans, Protocol } from "./plan/proxy-plan.ts";

export interface InboundInput {
  /** The policies of this kind that select the inbound, in no particular order. */
  readonly policies: readonly PolicyResource[];
  readonly mesh: string;
  readonly protocol: Protocol;
  /**
   * How callers are recognised: by the tags in certificates of the mesh's own CA, by SPIFFE id, or by either while one
   * replaces the other; not at all where the proxy has no certificate.
   */
  readonly callers: "tags" | "identity" | "either" | undefined;
}

export interface OutboundInput {
  /** The policies of this kind that select the caller, in no particular order. */
  readonly policies: readonly PolicyResource[];
  readonly destination: DestinationPlan;
}

/**
 * A policy: its schema, what it puts into a plan, and how that becomes Envoy configuration. The plan entries are plain
 * data with the origin of every field; translation sees only them and the draft.
 */
export interface PolicyDefinition<Inbound = unknown, Outbound = unknown> {
  readonly kind: KindDefinition;
  /** Translation runs in ascending order. */
  readonly order: number;
  planInbound?(input: InboundInput): Inbound | undefined;
  planOutbound?(input: OutboundInput): Outbound | undefined;
  /** Called also where no policy applies, so that built-in defaults live beside the policy. */
  translateInbound?(plan: Inbound | undefined, draft: InboundDraft): void;
  translateOutbound?(plan: Outbound | undefined, draft: OutboundDraft): void;
  /** Where the parts of a plan entry came from. */
  origins(plan: Inbound | Outbound): Iterable<Origin>;
}

/** The entry that a policy left in a plan. */
export function planOf<Inbound, Outbound>(
  definition: PolicyDefinition<Inbound, Outbound>,
  plans: PolicyPlans,
): (Inbound & Outbound) | undefined {
  return plans[definition.kind.type] as (Inbound & Outbound) | undefined;
}
