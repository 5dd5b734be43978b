import {
  type BackendClusterPlan,
  type DestinationKey,
  type EndpointsView,
  type Naming,
  type OutboundPlan,
  type PlanCondition,
  type UpstreamPlan,
  type ViewingCaller,
  viewOf,
} from "@skein/policies";
import { getOrMake } from "../../get-or-make.ts";
import type { Family, Graph, Readable } from "../../view/graph.ts";
import type { Destination } from "../destinations.ts";
import { Interned } from "../interned.ts";
import { type Redirect, redirectsOutbound } from "../redirect.ts";
import type { CallerKind, Upstreams } from "../upstreams.ts";
import type { AddressedPort } from "./addressed.ts";
import type { ReachableSet } from "./reachable-sets.ts";

/** Outbounds with what their routes lead to besides. */
export interface Outbounds {
  readonly outbounds: readonly OutboundPlan[];
  readonly backends: readonly BackendClusterPlan[];
  readonly conditions: readonly PlanCondition[];
}

/** What of a proxy shapes outbounds besides the kind of caller that it is. */
interface OutboundOptions {
  readonly viewing: ViewingCaller;
  /** Whether connections to an address come to the proxy by its port for redirected ones. */
  readonly isRedirected: (address: string) => boolean;
  /** Listener names that others have. */
  readonly taken?: ReadonlySet<string>;
  /** Where somebody asked for an outbound: then it is a condition that the caller may not have it. */
  readonly askedFor?: ((at: AddressedPort) => string | undefined) | undefined;
}

/** Outbounds that many proxies have in common: the same object for all of them. */
export interface SharedOutbounds extends Outbounds {
  /** Address and port of each. */
  readonly addresses: ReadonlySet<string>;
  readonly listenerNames: ReadonlySet<string>;
}

/**
 * Makes outbounds. Those at the addresses of destinations are made once for all callers of one kind that reach the same
 * set and look at instances from the same place; so a change of one destination is taken in once for all of them.
 */
export class OutboundPlans {
  readonly #graph: Graph;
  readonly #upstreams: Upstreams;
  readonly #destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly #views = new Interned<EndpointsView>();
  readonly #shared = new WeakMap<CallerKind, WeakMap<ReachableSet, Family<string, SharedOutbounds>>>();
  /** Outbounds that are the same in two lists are the same object, so lists are compared by their items. */
  readonly #made = new WeakMap<UpstreamPlan, OutboundPlan[]>();

  constructor(
    graph: Graph,
    upstreams: Upstreams,
    destination: { at(key: DestinationKey): Readable<Destination | undefined> },
  ) {
    this.#graph = graph;
    this.#destination = destination;
    this.#upstreams = upstreams;
  }

  /** The outbounds of a caller to a set. @param viewing whose place among the instances it is, as far as that counts */
  shared(
    kind: CallerKind,
    set: ReachableSet,
    viewing: ViewingCaller,
    { outboundPort, ipv6 }: Redirect,
  ): Readable<SharedOutbounds> {
    const bySet = getOrMake(this.#shared, kind, () => new WeakMap());
    const family = getOrMake(bySet, set, () =>
      this.#graph.family<string, SharedOutbounds>((key) => {
        const [seenFrom, port, isIpv6] = JSON.parse(key) as [ViewingCaller, number | null, boolean];
        const redirect: Redirect = { outboundPort: port ?? undefined, inboundPort: undefined, ipv6: isIpv6 };
        const plans = this.of(kind, set.ports, {
          viewing: seenFrom,
          isRedirected: (address) => redirectsOutbound(redirect, address, undefined),
          askedFor: set.isListed ? addressOf : undefined,
        });
        return {
          ...plans,
          conditions: [...set.conditions, ...plans.conditions],
          addresses: new Set(plans.outbounds.map(addressOf)),
          listenerNames: new Set(plans.outbounds.map(({ listenerName }) => listenerName)),
        };
      }, sameShared),
    );
    return family.at(JSON.stringify([viewing, outboundPort, ipv6]));
  }

  /** Outbounds at these addresses, in their order. */
  of(kind: CallerKind, ports: readonly AddressedPort[], how: OutboundOptions): Outbounds {
    const { viewing, isRedirected, taken = NO_NAMES } = how;
    const names = new Set<string>();
    const conditions: PlanCondition[] = [];
    const outbounds = ports.flatMap((port) => {
      const upstream = this.#upstreams.plan(kind, port.target);
      if (upstream === undefined) {
        const asked = how.askedFor?.(port);
        const refusal = asked === undefined ? undefined : this.#upstreams.refusal(kind, port.target);
        if (refusal !== undefined) {
          conditions.push({ type: "ForbiddenOutbound", message: `${asked}: ${refusal}` });
        }
        return [];
      }
      const usual = listenerName(kind.naming, upstream, port);
      // Two outbounds to one destination would share a name; the later ones carry their address too.
      const name = names.has(usual) || taken.has(usual) ? `${usual}@${addressOf(port)}` : usual;
      names.add(name);
      return this.#outbound(port, upstream, name, viewing, isRedirected(port.address));
    });
    const backends = new Map<DestinationKey, BackendClusterPlan>();
    for (const { upstream, target } of outbounds) {
      for (const [key, backend] of Object.entries(upstream.backends)) {
        if (backend.kind === "unresolved") {
          conditions.push({
            type: "UnresolvedBackend",
            message: `${upstream.destination.name}:${upstream.destination.port}: ${key}: ${backend.problem}`,
          });
        } else if (backend.target !== target && !backends.has(backend.target)) {
          const own = this.#upstreams.plan(kind, backend.target);
          if (own === undefined) continue;
          backends.set(backend.target, {
            target: backend.target,
            upstream: own,
            ...this.#seen(own, viewing),
          });
        }
      }
    }
    for (const { target, upstream } of [...outbounds, ...backends.values()]) {
      const message = upstream.external?.problem ?? this.#destination.at(target).get()?.problem;
      if (message !== undefined) conditions.push({ type: "UnavailableDestination", message });
      const warning = upstream.external?.warning;
      if (warning !== undefined) conditions.push({ type: "OutdatedSecret", message: warning });
    }
    return {
      outbounds,
      backends: [...backends.values()].sort((a, b) => (a.target < b.target ? -1 : 1)),
      conditions,
    };
  }

  #outbound(
    { target, address, port }: AddressedPort,
    upstream: UpstreamPlan,
    listenerName: string,
    viewing: ViewingCaller,
    redirected: boolean,
  ): OutboundPlan {
    const { view } = this.#seen(upstream, viewing);
    const outbound: OutboundPlan = {
      ...{ listenerName, target, address, port, upstream },
      ...(view === undefined ? {} : { view }),
      ...(redirected ? { redirected } : {}),
    };
    const made = getOrMake(this.#made, upstream, () => []);
    const known = made.find((each) => sameOutbound(each, outbound));
    if (known !== undefined) return known;
    // Those that go are not noticed, so that there are never many; then some proxies do not share theirs.
    if (made.length < MOST_SHARED) made.push(outbound);
    return outbound;
  }

  #seen({ policies, external }: UpstreamPlan, viewing: ViewingCaller): { readonly view?: EndpointsView } {
    if (external !== undefined) return {};
    const found = viewOf(policies, viewing);
    return found === undefined ? {} : { view: this.#views.get(JSON.stringify(found), () => found) };
  }
}

/** Address and port of an outbound, for comparison. */
export function addressOf({ address, port }: { readonly address: string; readonly port: number }): string {
  return `${address}:${port}`;
}

/** Outbounds for one way that are the same object for all who have them. */
const MOST_SHARED = 8;

const NO_NAMES: ReadonlySet<string> = new Set();

function listenerName(naming: Naming, { destination }: UpstreamPlan, at: AddressedPort): string {
  return naming === "unified" && destination.kind !== "ServiceTag"
    ? destination.kri
    : `outbound:${addressOf(at)}`;
}

function sameShared(a: SharedOutbounds, b: SharedOutbounds): boolean {
  return (
    sameOutbounds(a.outbounds, b.outbounds) &&
    sameBackends(a.backends, b.backends) &&
    JSON.stringify(a.conditions) === JSON.stringify(b.conditions)
  );
}

/** Whether two lists have the same outbounds. */
export function sameOutbounds(a: Outbounds["outbounds"], b: Outbounds["outbounds"]): boolean {
  return a === b || (a.length === b.length && a.every((each, i) => sameOutbound(each, b[i])));
}

function sameOutbound(a: OutboundPlan, b: OutboundPlan | undefined): boolean {
  return (
    a === b ||
    (a.upstream === b?.upstream &&
      a.port === b.port &&
      a.address === b.address &&
      a.target === b.target &&
      a.listenerName === b.listenerName &&
      a.view === b.view &&
      a.redirected === b.redirected)
  );
}

/** Whether routes lead to the same destinations in the same way. */
export function sameBackends(a: Outbounds["backends"], b: Outbounds["backends"]): boolean {
  return (
    a === b ||
    (a.length === b.length &&
      a.every(
        ({ target, upstream, view }, i) =>
          target === b[i]?.target && upstream === b[i].upstream && view === b[i].view,
      ))
  );
}
