import type { BackendReference, OutboundInput, PolicyDefinition } from "../definition.ts";
import { backendReference, type WeightedBackend } from "../engine/backends.ts";
import type { PolicyResource } from "../engine/policy-resource.ts";
import { gatewayEntries, outboundEntries, policyKri, type ToEntry } from "../engine/rules.ts";
import type { TcpRule } from "./conf.ts";
import { tcpSplit } from "./envoy.ts";
import { meshTcpRouteKind } from "./kind.ts";

const SHORT = "mtcpr";

/** Where the connections to one destination go. */
export interface TcpRoutePlan {
  readonly backends: readonly WeightedBackend[];
  readonly references: readonly BackendReference[];
}

/** Where connections go. A list of backends replaces those of lower precedence whole. */
export const meshTcpRoute: PolicyDefinition<never, TcpRoutePlan, never, never> = {
  kind: meshTcpRouteKind,
  order: 200,
  planOutbound,
  backendRefs: ({ references }) => references,
  translateOutbound(plan, draft) {
    if (plan !== undefined) tcpSplit(plan, draft);
  },
  shapes: ["listener", "route"],
  origins: ({ backends }) => backends.map(({ origin }) => origin),
};

/** An HTTPRoute for the same destination knows more of its requests, so nothing is left to decide here. */
function planOutbound({ policies, destination, routes }: OutboundInput): TcpRoutePlan | undefined {
  return routes.length > 0 ? undefined : highest(outboundEntries(policies, destination));
}

/** Where a listener of a built-in gateway sends connections that it does not read; `undefined` where nobody says it. */
export function gatewayConnections(policies: readonly PolicyResource[]): TcpRoutePlan | undefined {
  return highest(gatewayEntries(policies));
}

/** @param entries from lowest to highest precedence */
function highest(entries: readonly ToEntry[]): TcpRoutePlan | undefined {
  const last = entries
    .map((entry) => ({
      ...entry,
      refs: (entry.conf as readonly TcpRule[] | undefined)?.[0]?.default.backendRefs ?? [],
    }))
    .findLast(({ refs }) => refs.length > 0);
  if (last === undefined) return undefined;
  const kri = policyKri(last.policy, SHORT);
  const references = last.refs.map((ref, i) =>
    backendReference(last.policy, kri, `to[${last.index}].rules[0].default.backendRefs[${i}]`, ref),
  );
  return {
    backends: references.map(({ key, ref, origin }) => ({ key, weight: ref.weight, origin })),
    references,
  };
}
