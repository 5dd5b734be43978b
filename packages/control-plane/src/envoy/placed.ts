import type {
  BackendClusterPlan,
  DestinationKey,
  EndpointsView,
  ExternalPlan,
  Origin,
  OutboundPlan,
  PatchProblem,
  ResourceOrigin,
} from "@skein/policies";
import type { Fragment, PatchReport } from "../xds/fragment.ts";
import type { FragmentPatch, PatchedFragment } from "./fragment-patch.ts";
import type { Translator } from "./translator.ts";

/** Whose instances are the endpoints of a cluster, and how they are seen. */
interface Instances {
  readonly target: DestinationKey;
  readonly view: EndpointsView | undefined;
}

/** Fragments under their names, after a proxy's patches, and what they refer to. */
export class Placed {
  readonly clusters = new Map<string, Fragment>();
  readonly listeners = new Map<string, Fragment>();
  readonly routes = new Map<string, Fragment>();
  /** By the name of the cluster. */
  readonly eds = new Map<string, Instances>();
  /** Names of secrets. */
  readonly wanted = new Set<string>();
  readonly #patch: FragmentPatch | undefined;
  readonly #by: Origin[] = [];
  readonly #problems: PatchProblem[] = [];

  constructor(patch: FragmentPatch | undefined) {
    this.#patch = patch;
  }

  /** Puts a fragment where it belongs, unless a patch takes it away. Returns whether it is there. */
  place(into: Map<string, Fragment>, fragment: Fragment, origin: ResourceOrigin): boolean {
    const patched = this.#patch === undefined ? fragment : this.#noted(this.#patch.of(fragment, origin));
    if (patched !== undefined) into.set(patched.name, patched);
    return patched !== undefined;
  }

  /** Puts in what patches add to every proxy. */
  addPatched(): void {
    for (const each of this.#patch?.added() ?? []) {
      const added = this.#noted(each);
      if (added !== undefined)
        (added.type === "cluster" ? this.clusters : this.listeners).set(added.name, added);
    }
  }

  /** What patches did; `undefined` where there are none. */
  report(): PatchReport | undefined {
    return this.#patch === undefined ? undefined : { by: [...new Set(this.#by)], problems: this.#problems };
  }

  #noted({ fragment, by, problems }: PatchedFragment): Fragment | undefined {
    this.#by.push(...by);
    this.#problems.push(...problems);
    return fragment;
  }
}

/** Puts in what outbounds become, and what their routes lead to. */
export function placeOutbounds(
  translator: Translator,
  into: Placed,
  plans: { readonly outbounds: readonly OutboundPlan[]; readonly backends: readonly BackendClusterPlan[] },
  { reusePort, origin }: { readonly reusePort: boolean; readonly origin: ResourceOrigin },
): void {
  const placeUpstream = ({ target, upstream, view }: BackendClusterPlan, cluster: Fragment): void => {
    const { tls, external, clusterName } = upstream;
    if (tls !== undefined) into.wanted.add(tls.certificateSecret).add(tls.validationSecret);
    if (external !== undefined) for (const name of secretsOf(external)) into.wanted.add(name);
    const isThere = into.place(into.clusters, cluster, origin);
    if (isThere && external === undefined) into.eds.set(clusterName, { target, view });
  };
  for (const outbound of plans.outbounds) {
    const { cluster, listener, route } = translator.outbound(outbound, reusePort);
    if (route !== undefined) into.place(into.routes, route, origin);
    into.place(into.listeners, listener, origin);
    placeUpstream(outbound, cluster);
  }
  for (const backend of plans.backends) placeUpstream(backend, translator.backend(backend.upstream));
}

/** The secrets that an external service is called with. */
export function secretsOf({ tls, problem }: ExternalPlan): readonly string[] {
  if (tls === undefined || problem !== undefined) return [];
  const { authorities, clientSecret } = tls;
  const own = authorities !== undefined && "secret" in authorities ? [authorities.secret] : [];
  return clientSecret === undefined ? own : [...own, clientSecret];
}
