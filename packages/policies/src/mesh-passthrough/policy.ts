import type { PolicyDefinition } from "../definition.ts";
import { merge } from "../engine/merge.ts";
import { comparePolicies } from "../engine/order.ts";
import type { PolicyResource } from "../engine/policy-resource.ts";
import { policyKri } from "../engine/rules.ts";
import type { Merged } from "../plan/origin.ts";
import type { PlanCondition } from "../plan/proxy-plan.ts";
import { DEFAULT_MODE, type MeshPassthroughConf } from "./conf.ts";
import { entryOrigin, readEntries } from "./entries.ts";
import { passThrough } from "./envoy.ts";
import { meshPassthroughKind } from "./kind.ts";

export type PassthroughPlan = Merged<MeshPassthroughConf>;

/** Which traffic may leave the mesh. The entries of all policies count together; the mode is that of the last to say one. */
export const meshPassthrough: PolicyDefinition<unknown, unknown, PassthroughPlan> = {
  kind: meshPassthroughKind,
  order: 500,
  planProxy: ({ policies }) => mergedPassthrough(policies),
  translateTransparent(plan, draft) {
    if (plan !== undefined) passThrough(plan.conf, draft);
  },
  conditions: passthroughConditions,
  shapes: ["cluster", "listener"],
  origins: (plan) => Object.values((plan as PassthroughPlan).origins),
};

/** What several policies say together, with the place that each entry comes from. */
export function mergedPassthrough(policies: readonly PolicyResource[]): PassthroughPlan | undefined {
  const contributions = [...policies].sort(comparePolicies).flatMap((policy, i) => {
    const { appendMatch = [], passthroughMode } = (policy.spec.default ?? {}) as MeshPassthroughConf;
    // A policy that says nothing closes the mesh; its name must be found behind that.
    const mode = passthroughMode ?? (i === 0 ? DEFAULT_MODE : undefined);
    const kri = policyKri(policy, "mp");
    return [
      { conf: { passthroughMode: mode }, origin: { policy: kri, rule: "default" } },
      ...appendMatch.map((match, place) => ({
        conf: { appendMatch: [match] },
        origin: { policy: kri, rule: `default.appendMatch[${place}]` },
      })),
    ];
  });
  return merge<MeshPassthroughConf>(contributions);
}

/** Entries that come to nothing, or to less than they say, because of others. */
export function entryProblems(plan: PassthroughPlan): readonly string[] {
  if (plan.conf.passthroughMode !== "Matched") return [];
  return readEntries(plan.conf).problems.map(({ index, message }) => inPlace(plan, index, message));
}

function onOwnPort(plan: PassthroughPlan, own: number): readonly string[] {
  return (plan.conf.appendMatch ?? []).flatMap(({ port }, index) =>
    port === own
      ? [
          inPlace(
            plan,
            index,
            `port ${own} is the proxy's own, to which connections are redirected, so nothing leaves by it`,
          ),
        ]
      : [],
  );
}

function inPlace({ origins }: PassthroughPlan, index: number, message: string): string {
  const origin = entryOrigin(origins, index);
  return origin === undefined ? message : `${origin.policy} ${origin.rule}: ${message}`;
}

function passthroughConditions(
  plan: PassthroughPlan,
  { outboundPort }: { readonly outboundPort: number | undefined },
): readonly PlanCondition[] {
  if (outboundPort === undefined) {
    return [
      {
        type: "PassthroughWithoutTransparentProxy",
        message:
          "MeshPassthrough has no effect on a proxy without transparent proxying: its application reaches other destinations without the proxy",
      },
    ];
  }
  return [...entryProblems(plan), ...onOwnPort(plan, outboundPort)].map((message) => ({
    type: "PassthroughConflict",
    message,
  }));
}
