import type { DestinationPlan, PolicyDefinition, UpstreamPlan } from "@skein/policies";
import { Bounded } from "../bounded.ts";
import { getOrMake } from "../get-or-make.ts";
import { ObjectKeys } from "../object-keys.ts";
import { Interned } from "../plan/interned.ts";
import { byStanding } from "../plan/standing.ts";
import type { Piece } from "../xds/joined.ts";
import { optionsOf, type SaidShare, SaidShares } from "./said-shares.ts";
import {
  type ClusterShare,
  coresOf,
  encodedChain,
  encodedRoutes,
  hasOptions,
  type Layout,
  type RouteCore,
} from "./upstream-encoding.ts";

/** What all callers of one kind share towards one destination, as the encodings that it is joined from. */
export interface TranslatedUpstream {
  readonly cluster: readonly Piece[];
  /** Absent where traffic is bytes. */
  readonly routes: readonly Piece[] | undefined;
  readonly network: NetworkChain;
  /** What it is made of; other ways find what they have in common with it for as long as somebody keeps these. */
  readonly core: object;
  readonly said: object;
}

/** How connections of applications are handled on their way; mostly the same object for all ways that handle them alike. */
export interface NetworkChain {
  /** The field of a listener with its only filter chain. */
  encoded(): Uint8Array;
}

/** Few are in use of each core: others were, before a policy changed. */
const MOST_CHAINS = 16;

/** The shares of everything that does not stand alone. */
interface CoreShares {
  readonly cluster: ClusterShare;
  readonly network: Uint8Array;
  readonly routes: RouteCore;
}

/** These, by what shapes them. */
interface Cores {
  readonly cluster: Interned<ClusterShare>;
  readonly network: Interned<Uint8Array>;
  readonly routes: Interned<RouteCore>;
  readonly forms: Map<string, number>;
}

/**
 * Translates how kinds of callers reach destinations. Two ways to one destination mostly differ in one or two policies.
 * So what a policy says by itself is encoded once for all ways that have it, what several say so once for all that have
 * the same ones, the rest once for all that agree on what shapes it, and a way is the join of two: a change of a policy costs
 * that policy's share and the joining.
 */
export class UpstreamShares {
  readonly #together: readonly PolicyDefinition[];
  readonly #keys = new ObjectKeys();
  readonly #cores = new WeakMap<DestinationPlan, Cores>();
  readonly #coreShares = new WeakMap<UpstreamPlan, CoreShares>();
  readonly #layouts = new Interned<Layout>();
  /** What cores say of protocols, which is mostly the same. */
  readonly #httpOptions = new Interned<Uint8Array>();
  readonly #chains = new WeakMap<Uint8Array, Bounded<NetworkChain>>();
  readonly #said: SaidShares;

  constructor(definitions: readonly PolicyDefinition[]) {
    const { alone, together } = byStanding(definitions);
    this.#together = together;
    this.#said = new SaidShares(alone);
  }

  /** The way of this plan. */
  translate(plan: UpstreamPlan): TranslatedUpstream {
    const { core: without = plan, said: alone = plan.policies } = plan;
    const core = getOrMake(this.#coreShares, without, () => this.#core(without));
    const { layout, virtualHost } = core.routes;
    const said = this.#said.of(alone, layout);
    const { cluster, httpOptions } = core.cluster;
    return {
      cluster: hasOptions(layout)
        ? [cluster, said.cluster, optionsOf(httpOptions, said)]
        : [cluster, said.cluster],
      routes: virtualHost && encodedRoutes(core.routes, virtualHost, said),
      network: this.#chain(core, said),
      ...{ core, said },
    };
  }

  /** Most policies say little or nothing of connections, so what they say is short enough for a key. */
  #chain({ network, routes: { layout } }: CoreShares, said: SaidShare): NetworkChain {
    const chains = getOrMake(this.#chains, network, () => new Bounded(MOST_CHAINS));
    return getOrMake(chains, said.networkKey, () => ({
      encoded: () => encodedChain(layout, [network, said.network]),
    }));
  }

  /** One translation answers for all three parts; each is kept under what shapes it. */
  #core(plan: UpstreamPlan): CoreShares {
    const { destination, policies, backends, clusterName, external, tls, callerTags } = plan;
    const cores = getOrMake(this.#cores, destination, newCores);
    const entries = (of: "cluster" | "listener" | "route"): string => {
      let ids = "";
      for (const { kind, shapes } of this.#together) {
        const entry = policies[kind.type] as object | undefined;
        ids += entry === undefined || shapes?.includes(of) === false ? "- " : `${this.#keys.of(entry)} `;
      }
      return ids;
    };
    const targets = Object.values(backends).map((each) => (each.kind === "resolved" ? each.clusterName : ""));
    const outside = external === undefined ? "" : JSON.stringify(external);
    const rest = formOf(cores, `${clusterName} ${outside}`);
    const secrets = tls === undefined ? "" : `${tls.certificateSecret} ${tls.validationSecret}`;
    const leadsTo = formOf(cores, targets.join(" "));
    let made: ReturnType<typeof coresOf> | undefined;
    const make = () => {
      made ??= coresOf(plan, this.#together, this.#layouts);
      return made;
    };
    return {
      cluster: cores.cluster.get(`${entries("cluster")}${rest} ${formOf(cores, secrets)}`, () => {
        const { cluster, httpOptions } = make().cluster;
        const key = Buffer.from(httpOptions).toString("latin1");
        return { cluster, httpOptions: this.#httpOptions.get(key, () => httpOptions) };
      }),
      network: cores.network.get(`${entries("listener")}${rest} ${leadsTo}`, () => make().network),
      routes: cores.routes.get(
        `${entries("route")}${rest} ${leadsTo} ${callerTags ?? ""}`,
        () => make().routes,
      ),
    };
  }
}

function newCores(): Cores {
  return { cluster: new Interned(), network: new Interned(), routes: new Interned(), forms: new Map() };
}

/** A number for a part of keys that is long and that many keys have. A destination has few. */
function formOf({ forms }: Cores, text: string): number {
  return getOrMake(forms, text, () => forms.size);
}
