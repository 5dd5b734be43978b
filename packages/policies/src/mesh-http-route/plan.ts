import type { BackendReference, RouteIdentity } from "../definition.ts";
import type { WeightedBackend } from "../engine/backends.ts";
import type { Origin } from "../plan/origin.ts";
import type { HttpMatch, HttpRouteFilter } from "./conf.ts";

/** One match of a rule, with what becomes of its requests. */
export interface HttpRoutePlan {
  /** Name of the route in Envoy: KRI of the policy with the rule as section. */
  readonly name: string;
  /** KRI of the policy, without a section. */
  readonly policy: string;
  readonly match: HttpMatch;
  readonly filters: readonly HttpRouteFilter[];
  /** Where copies go: the reference of the mirror filter at this place in `filters`. */
  readonly mirrors: Readonly<Record<number, string>>;
  /** Absent: the destination itself. */
  readonly backends: readonly WeightedBackend[] | undefined;
  /** The rule with the highest precedence that has this match. */
  readonly origin: Origin;
  /** By field of the rule's `default`: `filters` and `backendRefs` may come from rules of different policies. */
  readonly origins: Readonly<Record<string, Origin>>;
}

/** What MeshHTTPRoutes say of one destination. */
export interface HttpRoutesPlan {
  /** In the order in which they are tried. */
  readonly routes: readonly HttpRoutePlan[];
  /** Some rule takes every request, so there is no route to the destination beside those here. */
  readonly isTotal: boolean;
  readonly policies: readonly RouteIdentity[];
  readonly references: readonly BackendReference[];
}
