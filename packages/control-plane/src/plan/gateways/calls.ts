import {
  type BackendPlan,
  type DestinationPlan,
  type GatewayCalls,
  namedRoutes,
  type PolicyDefinition,
  type PolicyPlans,
  type RouteIdentity,
} from "@skein/policies";
import { liveBackends, type WeightedBackend } from "@skein/policies/engine/backends";
import { routeIdentity } from "@skein/policies/mesh-http-route/policy";
import { getOrMake } from "../../get-or-make.ts";
import {
  type PolicyReach,
  type PolicySet,
  policyList,
  policyReach,
  policySet,
} from "../../view/policy-set.ts";
import { Interned } from "../interned.ts";

/** Kinds that say where traffic goes, not what holds for it on the way. */
const ROUTES = ["MeshHTTPRoute", "MeshTCPRoute"];

/**
 * No destination in particular: policies about the whole mesh are about it, and none that name a service. It stands for
 * requests that a route shares out, because what holds for a request holds for all that its route leads to.
 */
const ANY: DestinationPlan = {
  ...{ kind: "MeshService", mesh: "", name: "", kri: "", labels: {}, port: 0, portName: "" },
  ...{ protocol: "http", sni: "", serverIds: [], legacyName: "", routeName: "" },
};

/** What a listener of a gateway sends on. */
export interface CallsInput {
  /** The policies that select the listener. */
  readonly policies: PolicySet;
  /** For each route that sends something on, where to. */
  readonly senders: readonly (readonly WeightedBackend[])[];
  readonly backends: Readonly<Record<string, BackendPlan>>;
}

interface KnownCalls {
  /** Those about which some policy says something of its own; there may be thousands of others. */
  readonly routes: readonly RouteIdentity[];
  readonly byDestination: WeakMap<DestinationPlan, PolicyPlans>;
}

/** What policies say of the calls that listeners make, merged once for all listeners that the same policies select. */
export class SharedCalls {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #bySet = new WeakMap<PolicySet, KnownCalls>();

  constructor(definitions: readonly PolicyDefinition[]) {
    this.#definitions = definitions.filter(
      ({ kind, planOutbound }) => planOutbound !== undefined && !ROUTES.includes(kind.type),
    );
  }

  /** What is said of the calls of a listener: of a destination, where a route leads to it alone. */
  of({ policies, senders, backends }: CallsInput): GatewayCalls {
    const ends = senders.map(
      (shares) =>
        new Map(liveBackends(shares, backends).map(({ destination }) => [destination.kri, destination])),
    );
    const alone = new Map(ends.filter(({ size }) => size === 1).flatMap((end) => [...end]));
    return {
      byDestination: Object.fromEntries(
        Array.from(alone, ([kri, destination]) => [kri, this.#plans(policies, destination)]),
      ),
      ...(ends.some(({ size }) => size > 1) ? { shared: this.#plans(policies, ANY) } : {}),
    };
  }

  #plans(policies: PolicySet, destination: DestinationPlan): PolicyPlans {
    let known = this.#bySet.get(policies);
    if (known === undefined) {
      const others = Array.from(policies.byKind).flatMap(([kind, list]) =>
        ROUTES.includes(kind) ? [] : [...list],
      );
      known = {
        routes: namedRoutes({ policies: others, routes: routesOf(policies) }),
        byDestination: new WeakMap(),
      };
      this.#bySet.set(policies, known);
    }
    return getOrMake(known.byDestination, destination, () =>
      this.#merge(policies, destination, known.routes),
    );
  }

  #merge(policies: PolicySet, destination: DestinationPlan, routes: readonly RouteIdentity[]): PolicyPlans {
    const plans: Record<string, unknown> = {};
    for (const { kind, planOutbound } of this.#definitions) {
      const list = policies.byKind.get(kind.type) ?? [];
      const entry = list.length === 0 ? undefined : planOutbound?.({ policies: list, destination, routes });
      if (entry !== undefined) plans[kind.type] = entry;
    }
    return plans;
  }
}

/** The policies about what a listener sends on, among those that select it: one set for all listeners with the same. */
export class CallPolicies {
  readonly #reach: PolicyReach;
  readonly #sets = new Interned<PolicySet>();

  constructor(definitions: readonly PolicyDefinition[]) {
    this.#reach = policyReach(definitions);
  }

  /** Routes are about the gateway itself, and not among them. */
  of({ byKind }: PolicySet): PolicySet {
    const about = new Map(
      [...byKind].flatMap(([type, list]) => {
        const outbound = ROUTES.includes(type) ? [] : list.filter(this.#reach.outbound);
        return outbound.length === 0 ? [] : [[type, policyList(outbound)] as const];
      }),
    );
    const made = policySet(about);
    return this.#sets.get(made.id, () => made);
  }
}

/** The routes of gateways among the policies that select a listener, as other policies refer to them. */
export function routesOf({ byKind }: PolicySet): readonly RouteIdentity[] {
  return (byKind.get("MeshHTTPRoute") ?? [])
    .filter(({ spec }) => spec.targetRef?.kind === "MeshGateway")
    .map(routeIdentity);
}
