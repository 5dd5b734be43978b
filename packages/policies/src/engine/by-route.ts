import type { GatewayInput, OutboundInput } from "../definition.ts";
import type { OutboundRouteDraft } from "../draft.ts";
import type { Merged } from "../plan/origin.ts";
import { type Contribution, merge } from "./merge.ts";
import { meshRules, namedRoutes, outboundRules, routeRules } from "./rules.ts";

/** What holds for a destination, and for those of its routes that some rule names. */
export interface ByRoute<Conf> extends Merged<Conf> {
  /** By KRI of the route. A route that is not here has what the destination has. */
  readonly routes?: Readonly<Record<string, Merged<Conf>>>;
}

/**
 * Merges what the `to` lists say of a destination and of its routes. A rule about a route replaces those about its
 * service as a whole: only rules about the mesh come before it, as in Kuma.
 */
export function byRoute<Conf>(input: OutboundInput, shortName: string): ByRoute<Conf> | undefined {
  return withRoutes(outboundRules(input.policies, input.destination, shortName), input, shortName);
}

/** Merges what the `to` lists say of a listener of a gateway, which is about the mesh, and of its routes. */
export function byRouteOfListener<Conf>(input: GatewayInput, shortName: string): ByRoute<Conf> | undefined {
  return withRoutes(meshRules(input.policies, shortName), input, shortName);
}

function withRoutes<Conf>(
  common: readonly Contribution[],
  input: Pick<OutboundInput, "policies" | "routes">,
  shortName: string,
): ByRoute<Conf> | undefined {
  const base = merge<Conf>(common);
  const special: Record<string, Merged<Conf>> = {};
  for (const route of namedRoutes(input)) {
    const merged = merge<Conf>(routeRules(input.policies, route, shortName));
    if (merged !== undefined) special[route.kri] = merged;
  }
  if (Object.keys(special).length === 0) return base;
  return { ...(base ?? { conf: {} as Conf, origins: {} }), routes: special };
}

/** What holds for one route of an outbound. It looks at whose route it is only where that matters. */
export function forRoute<Conf>(
  plan: ByRoute<Conf> | undefined,
  route: Pick<OutboundRouteDraft, "policy">,
): Merged<Conf> | undefined {
  if (plan?.routes === undefined || route.policy === undefined) return plan;
  return plan.routes[route.policy] ?? plan;
}

/** Origins of all that is in an entry, routes included. */
export function byRouteOrigins<Conf>(plan: ByRoute<Conf>) {
  return [plan, ...Object.values(plan.routes ?? {})].flatMap(({ origins }) => Object.values(origins));
}
