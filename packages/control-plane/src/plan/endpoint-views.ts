import { type DestinationKey, type EndpointsPlan, type EndpointsView, seenThrough } from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { Family, Graph, Readable } from "../view/graph.ts";

/**
 * The instances of destinations as callers see them. Callers without a view share one object per destination, callers
 * with a view share one per destination and view: so an instance that comes or goes costs one of each.
 */
export class EndpointViews {
  readonly #graph: Graph;
  readonly #instances: Family<DestinationKey, EndpointsPlan>;
  readonly #zone: string;
  /** Views are interned, so an object stands for its content; it lives as long as some plan has it. */
  readonly #families = new WeakMap<EndpointsView, Family<DestinationKey, EndpointsPlan>>();

  constructor(graph: Graph, instances: Family<DestinationKey, EndpointsPlan>, zone: string) {
    this.#graph = graph;
    this.#instances = instances;
    this.#zone = zone;
  }

  /** Number of destinations held; for memory tests. */
  get size(): number {
    return this.#instances.size;
  }

  /** A destination through a view; as everybody sees it without one. */
  at(key: DestinationKey, view?: EndpointsView): Readable<EndpointsPlan> {
    if (view === undefined) return this.#instances.at(key);
    const family = getOrMake(this.#families, view, () =>
      this.#graph.family<DestinationKey, EndpointsPlan>((destination) =>
        seenThrough(view, this.#instances.at(destination).get(), this.#zone),
      ),
    );
    return family.at(key);
  }
}
