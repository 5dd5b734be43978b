import type { GatewayInput, InboundInput, PolicyDefinition } from "../definition.ts";
import { sortedMatches } from "../engine/by-caller.ts";
import { WHOLE_MESH } from "../engine/policy-resource.ts";
import { fromRules, inboundRules, meshRules } from "../engine/rules.ts";
import type { MeshFaultInjectionConf } from "./conf.ts";
import { chainFaults, faultInjection, hostFaults } from "./envoy.ts";
import { meshFaultInjectionKind } from "./kind.ts";
import type { FaultPlan, FaultsByTags } from "./plan.ts";

/** Failures, delays and slow answers for some of the requests. `to` is about built-in gateways. */
export const meshFaultInjection: PolicyDefinition<FaultPlan, never, never, FaultsByTags> = {
  kind: meshFaultInjectionKind,
  order: 800,
  planInbound,
  planGateway,
  callers: (plan) =>
    plan.model === "matches" ? sortedMatches(plan.rules.flatMap(({ callers }) => callers)) : [],
  callerTags: ({ spec }) => (spec.from ?? []).some(({ targetRef }) => targetRef.kind !== "Mesh"),
  translateInbound: faultInjection,
  translateGatewayChain: chainFaults,
  translateGatewayHost: hostFaults,
  shapes: ["listener", "route"],
  origins: (plan) => (plan.model === "matches" ? plan.rules : plan.entries).map(({ origin }) => origin),
};

/** Of a gateway's listener, the `to` list of the highest precedence says all: for every client, whoever it is. */
function planGateway({ policies, isHttp }: GatewayInput): FaultsByTags | undefined {
  if (!isHttp) return undefined;
  const last = meshRules(policies, "mfi").at(-1);
  const http = (last?.conf as MeshFaultInjectionConf | undefined)?.http;
  if (last === undefined || http === undefined) return undefined;
  return { model: "tags", entries: [{ target: WHOLE_MESH, http, origin: last.origin }] };
}

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
