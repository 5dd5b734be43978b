import type { DestinationKey, EndpointsPlan, EndpointsView } from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { SharedOutbounds } from "../plan/outbounds/shared-outbounds.ts";
import type { Graph, Readable } from "../view/graph.ts";
import type { Fragment } from "../xds/fragment.ts";
import { type Fragments, sameFragments } from "../xds/fragments.ts";
import type { FragmentPatch } from "./fragment-patch.ts";
import { Placed, placeOutbounds } from "./placed.ts";
import type { Translator } from "./translator.ts";

/** What outbounds that many proxies have in common become: the same maps for all of them. */
export interface CommonFragments {
  readonly shared: SharedOutbounds;
  readonly fragments: Placed;
  readonly endpoints: Fragments;
}

/** Proxies that have outbounds in common differ in this besides. */
interface Variant {
  readonly reusePort: boolean;
  readonly patch: FragmentPatch | undefined;
}

interface Made {
  readonly variant: Variant;
  readonly fragments: Placed;
  readonly endpoints: Readable<Fragments>;
}

/** Translates shared outbounds once. An instance that comes or goes makes another map of endpoints and nothing else. */
export class CommonOutbounds {
  readonly #graph: Graph;
  readonly #translator: Translator;
  readonly #endpoints: { at(target: DestinationKey, view?: EndpointsView): Readable<EndpointsPlan> };
  readonly #made = new WeakMap<SharedOutbounds, Made[]>();

  constructor(graph: Graph, translator: Translator, endpoints: CommonOutboundsEndpoints) {
    this.#graph = graph;
    this.#translator = translator;
    this.#endpoints = endpoints;
  }

  /** The fragments of these outbounds for a proxy of this kind. */
  of(shared: SharedOutbounds, reusePort: boolean, patch: FragmentPatch | undefined): CommonFragments {
    const list = getOrMake(this.#made, shared, () => []);
    let made = list.find(({ variant }) => variant.reusePort === reusePort && variant.patch === patch);
    if (made === undefined) {
      made = this.#make(shared, { reusePort, patch });
      list.push(made);
    }
    return { shared, fragments: made.fragments, endpoints: made.endpoints.get() };
  }

  #make(shared: SharedOutbounds, variant: Variant): Made {
    const fragments = new Placed(variant.patch);
    placeOutbounds(this.#translator, fragments, shared, {
      reusePort: variant.reusePort,
      origin: "outbound",
    });
    const endpoints = this.#graph.derived<Fragments>(() => {
      const found = new Map<string, Fragment>();
      for (const [name, { target, view }] of fragments.eds) {
        found.set(name, this.#translator.endpoints(name, this.#endpoints.at(target, view).get()));
      }
      return found;
    }, sameFragments);
    return { variant, fragments, endpoints };
  }
}

type CommonOutboundsEndpoints = {
  at(target: DestinationKey, view?: EndpointsView): Readable<EndpointsPlan>;
};
