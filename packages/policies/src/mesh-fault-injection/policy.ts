import type { InboundInput, PolicyDefinition } from "../definition.ts";
import { sortedMatches } from "../engine/by-caller.ts";
import { fromRules, inboundRules } from "../engine/rules.ts";
import type { MeshFaultInjectionConf } from "./conf.ts";
import { faultInjection } from "./envoy.ts";
import { meshFaultInjectionKind } from "./kind.ts";
import type { FaultPlan } from "./plan.ts";

/** Failures, delays and slow answers for some of the requests. `to` is about built-in gateways. */
export const meshFaultInjection: PolicyDefinition<FaultPlan, never, never> = {
  kind: meshFaultInjectionKind,
  order: 800,
  planInbound,
  callers: (plan) =>
    plan.model === "matches" ? sortedMatches(plan.rules.flatMap(({ callers }) => callers)) : [],
  callerTags: ({ spec }) => (spec.from ?? []).some(({ targetRef }) => targetRef.kind !== "Mesh"),
  translateInbound: faultInjection,
  shapes: ["listener", "route"],
  origins: (plan) => (plan.model === "matches" ? plan.rules : plan.entries).map(({ origin }) => origin),
};

/** Bytes have no requests that could fail. The first policy with `rules` ends what `from` lists say, as in Kuma. */
function planInbound({ policies, protocol }: InboundInput): FaultPlan | undefined {
  if (protocol === "tcp") return undefined;
  const faults = (conf: unknown) => (conf as MeshFaultInjectionConf | undefined)?.http;
  const rules = inboundRules(policies, "mfi", false);
  if (rules.length > 0) {
    return {
      model: "matches",
      rules: rules.map(({ conf, matches, origin }) => ({
        callers: matches,
        http: faults(conf) ?? [],
        origin,
      })),
    };
  }
  const entries = fromRules(policies, "mfi").flatMap(({ conf, target, origin }) => {
    const http = faults(conf);
    return http === undefined ? [] : [{ target, http, origin }];
  });
  return entries.length === 0 ? undefined : { model: "tags", entries };
}
