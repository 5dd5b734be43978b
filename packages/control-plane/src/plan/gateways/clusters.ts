import {
  type BackendClusterPlan,
  type BackendPlan,
  type BackendReference,
  type DestinationKey,
  type EndpointsView,
  type PlanCondition,
  type UpstreamPlan,
  type ViewingCaller,
  viewOf,
} from "@skein/policies";
import { getOrMake } from "../../get-or-make.ts";
import type { Readable } from "../../view/graph.ts";
import type { Destination } from "../destinations.ts";
import { Interned } from "../interned.ts";
import type { RoutedTraffic } from "../outbound-target.ts";
import type { CallerKind, Upstreams } from "../upstreams.ts";

/** What clusters of gateways are made of, for all gateways of a mesh. */
export class GatewayUpstreams {
  readonly upstreams: Upstreams;
  readonly destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly #renamed = new WeakMap<UpstreamPlan, Map<string, UpstreamPlan>>();
  readonly #views = new Interned<EndpointsView>();

  constructor(
    upstreams: Upstreams,
    destination: { at(key: DestinationKey): Readable<Destination | undefined> },
  ) {
    this.upstreams = upstreams;
    this.destination = destination;
  }

  /** A way under another name; the same object every time. */
  renamed(upstream: UpstreamPlan, clusterName: string): UpstreamPlan {
    const names = getOrMake(this.#renamed, upstream, () => new Map());
    return getOrMake(names, clusterName, () => {
      const { core, ...way } = upstream;
      return {
        ...way,
        clusterName,
        ...(core === undefined ? {} : { core: this.renamed(core, clusterName) }),
      };
    });
  }

  /** How a gateway sees the instances behind a way. */
  seen({ policies, external }: UpstreamPlan, viewing: ViewingCaller): { readonly view?: EndpointsView } {
    if (external !== undefined) return {};
    const found = viewOf(policies, viewing);
    return found === undefined ? {} : { view: this.#views.get(JSON.stringify(found), () => found) };
  }
}

/**
 * The clusters of one gateway. Two of its listeners whose policies differ in what they say of a destination reach it in
 * two ways, and so by two clusters.
 */
export class GatewayClusters {
  readonly #made: GatewayUpstreams;
  readonly #viewing: ViewingCaller;
  readonly #byName = new Map<string, BackendClusterPlan>();
  readonly #nameOf = new Map<UpstreamPlan, string>();

  constructor(made: GatewayUpstreams, viewing: ViewingCaller) {
    this.#made = made;
    this.#viewing = viewing;
  }

  /** Where a reference of a route leads. @param section of the listener that has the route */
  backend(kind: CallerKind, reference: BackendReference, from: RoutedTraffic, section: string): BackendPlan {
    const { upstreams } = this.#made;
    const found = upstreams.backend(kind, reference, from);
    if (found.kind === "unresolved") return found;
    const upstream = upstreams.plan(kind, found.target);
    if (upstream === undefined) {
      return { kind: "unresolved", problem: `there is no destination ${found.target}` };
    }
    return { ...found, clusterName: this.#named(found.target, upstream, section) };
  }

  /** All of them, by name. */
  plans(): readonly BackendClusterPlan[] {
    return Array.from(this.#byName)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([, plan]) => plan);
  }

  /** What somebody should know of the destinations. */
  conditions(): readonly PlanCondition[] {
    const conditions = new Map<string, PlanCondition>();
    const add = (type: string, message: string | undefined): void => {
      if (message !== undefined) conditions.set(message, { type, message });
    };
    for (const { target, upstream } of this.plans()) {
      add(
        "UnavailableDestination",
        upstream.external?.problem ?? this.#made.destination.at(target).get()?.problem,
      );
      add("OutdatedSecret", upstream.external?.warning);
    }
    return [...conditions.values()];
  }

  #named(target: DestinationKey, upstream: UpstreamPlan, section: string): string {
    const known = this.#nameOf.get(upstream);
    if (known !== undefined) return known;
    const usual = upstream.clusterName;
    const name = this.#byName.has(usual) ? `${usual}@${section}` : usual;
    this.#nameOf.set(upstream, name);
    const plan = name === usual ? upstream : this.#made.renamed(upstream, name);
    this.#byName.set(name, { target, upstream: plan, ...this.#made.seen(plan, this.#viewing) });
    return name;
  }
}
