import {
  concernsDestination,
  type DestinationPlan,
  isAboutMesh,
  type PolicyDefinition,
  type PolicyResource,
  type RouteIdentity,
} from "@skein/policies";
import { listKey, policyList } from "../view/policy-set.ts";
import { WeakValues } from "../weak-values.ts";

/** Stands for "they say nothing". */
const NOTHING = {};

/** What policies that stand alone say of every destination; by the lists of them, which are of one kind each. */
export type CommonEntries = WeakMap<readonly PolicyResource[], object>;

/**
 * What policies say of one destination: the same object for all callers who are told the same. Few policies say anything
 * of single routes, so what did not look at them is the same whatever the routes are.
 */
export class Entries {
  readonly #destination: DestinationPlan;
  readonly #common: CommonEntries;
  readonly #byPolicies = new WeakMap<readonly PolicyResource[], object>();
  readonly #byRoutes = new WeakValues<object>();
  readonly #concerning = new WeakMap<readonly PolicyResource[], readonly PolicyResource[]>();

  constructor(destination: DestinationPlan, common: CommonEntries) {
    this.#destination = destination;
    this.#common = common;
  }

  /** Of lists as of `policyList`, the policies that can matter to the destination, as such lists. */
  concerning(lists: readonly (readonly PolicyResource[])[]): readonly (readonly PolicyResource[])[] {
    return lists.map((list) => this.concerningOf(list));
  }

  /** The same of one list. */
  concerningOf(list: readonly PolicyResource[]): readonly PolicyResource[] {
    if (list.length === 0) return list;
    const known = this.#concerning.get(list);
    if (known !== undefined) return known;
    const those = list.filter((each) => concernsDestination(each, this.#destination));
    const concerning = those.length === list.length ? list : policyList(those);
    this.#concerning.set(list, concerning);
    return concerning;
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
    const said = this.#byPolicies.get(policies) ?? this.#common.get(policies);
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
    if (definition.standsAlone === true && policies.every(isAboutMesh)) {
      this.#common.set(policies, made ?? NOTHING);
    } else if (!seesRoutes) this.#byPolicies.set(policies, made ?? NOTHING);
    else if (made !== undefined) this.#byRoutes.set(key, made);
    return made;
  }
}
