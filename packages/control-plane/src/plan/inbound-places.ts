import type { PlanCondition } from "@skein/policies";
import type { PlannedInbound } from "./outbounds/reachability.ts";

/**
 * The inbounds that a proxy serves: Envoy takes one listener for an address and port, and of several inbounds there the
 * last has it. A condition where that one has another name, and so policies of its own.
 */
export function inboundPlaces(inbounds: readonly PlannedInbound[]): {
  readonly served: readonly PlannedInbound[];
  readonly conditions: readonly PlanCondition[];
} {
  const last = new Map(inbounds.map((each) => [placeOf(each), each]));
  if (last.size === inbounds.length) return { served: inbounds, conditions: [] };
  const conditions = inbounds.flatMap((each): readonly PlanCondition[] => {
    const place = placeOf(each);
    const owner = last.get(place) ?? each;
    if (owner.plan.section === each.plan.section) return [];
    const message = `networking.inbound "${each.plan.section}" has no effect: ${place} is where "${owner.plan.section}" is, whose policies count; give both one name, or a port each`;
    return [{ type: "AddressTaken", message }];
  });
  return { served: [...last.values()], conditions };
}

function placeOf({ plan: { address, port } }: PlannedInbound): string {
  return `${address}:${port}`;
}
