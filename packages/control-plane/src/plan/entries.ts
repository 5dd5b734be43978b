import type { DestinationPlan, PolicyDefinition, PolicyResource, RouteIdentity } from "@skein/policies";
import { listKey } from "../view/policy-set.ts";
import { WeakValues } from "../weak-values.ts";

/** Stands for "they say nothing". */
const NOTHING = {};

/**
 * What policies say of one destination: the same object for all callers who are told the same. Few policies say anything
 * of single routes, so what did not look at them is the same whatever the routes are.
 */
export class Entries {
  readonly #destination: DestinationPlan;
  readonly #byPolicies = new WeakMap<readonly PolicyResource[], object>();
  readonly #byRoutes = new WeakValues<object>();

  constructor(destination: DestinationPlan) {
    this.#destination = destination;
  }

  /**
   * What one kind of policy says.
   *
   * @param policies as of `policyList`
   * @param routesKey tells which policies the routes are from
   */
  of(
    definition: PolicyDefinition,
    policies: readonly PolicyResource[],
    routes: readonly RouteIdentity[],
    routesKey: string,
  ): object | undefined {
    const said = this.#byPolicies.get(policies);
    if (said !== undefined) return said === NOTHING ? undefined : said;
    const key = `${listKey(policies)}/${routesKey}`;
    const known = this.#byRoutes.get(key);
    if (known !== undefined) return known;
    let seesRoutes = false;
    const made = definition.planOutbound?.({
      policies,
      destination: this.#destination,
      get routes() {
        seesRoutes = true;
        return [...routes];
      },
    }) as object | undefined;
    if (!seesRoutes) this.#byPolicies.set(policies, made ?? NOTHING);
    else if (made !== undefined) this.#byRoutes.set(key, made);
    return made;
  }
}
