import type { DestinationPlan, PolicyDefinition, PolicyPlans, UpstreamPlan } from "@skein/policies";
import { Bounded } from "../bounded.ts";
import { getOrMake } from "../get-or-make.ts";
import { ObjectKeys } from "../object-keys.ts";
import { Interned } from "../plan/interned.ts";
import { byStanding } from "../plan/standing.ts";
import type { Piece } from "../xds/joined.ts";
import {
  type ClusterShare,
  coresOf,
  encodedChain,
  encodedOptions,
  encodedRoutes,
  hasOptions,
  joinedShares,
  type Layout,
  type RouteCore,
  type Share,
  shareOf,
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

/** Keeps what others find it by. */
interface OwnedShare extends Share {
  readonly owner: SharesOwner;
}

/** The shares of entries that say the same, where they came from aside. */
interface SharesOwner {
  readonly byLayout: WeakMap<Layout, OwnedShare>;
  /** Where it does not matter whose the routes are: by the outline of layouts. */
  readonly byOutline: WeakMap<Layout, OwnedShare>;
}

/** What all policies that stand alone say together. */
interface SaidShare extends Share {
  /** The bytes of `network`, as part of a key. */
  readonly networkKey: string;
  /** The field of a cluster for its protocol, by what the core says of that. */
  readonly options: WeakMap<Uint8Array, Uint8Array>;
  readonly owner: SaidOwner;
}

/** The same by layouts, as of one policy. */
interface SaidOwner {
  readonly owners: readonly SharesOwner[];
  readonly byLayout: WeakMap<Layout, SaidShare>;
  readonly byOutline: WeakMap<Layout, SaidShare>;
}

/**
 * Translates how kinds of callers reach destinations. Two ways to one destination mostly differ in one or two policies.
 * So what a policy says by itself is encoded once for all ways that have it, what several say so once for all that have
 * the same ones, the rest once for all that agree on what shapes it, and a way is the join of two: a change of a policy costs
 * that policy's share and the joining.
 */
export class UpstreamShares {
  readonly #alone: readonly PolicyDefinition[];
  readonly #together: readonly PolicyDefinition[];
  readonly #keys = new ObjectKeys();
  readonly #cores = new WeakMap<DestinationPlan, Cores>();
  readonly #coreShares = new WeakMap<UpstreamPlan, CoreShares>();
  readonly #layouts = new Interned<Layout>();
  /** What cores say of protocols, which is mostly the same. */
  readonly #httpOptions = new Interned<Uint8Array>();
  readonly #chains = new WeakMap<Uint8Array, Bounded<NetworkChain>>();
  readonly #owners = new WeakMap<object, SharesOwner>();
  readonly #owned = new Interned<SharesOwner>();
  readonly #saidOwners = new WeakMap<PolicyPlans, SaidOwner>();
  readonly #said = new Interned<SaidOwner>();

  constructor(definitions: readonly PolicyDefinition[]) {
    const { alone, together } = byStanding(definitions);
    this.#alone = alone;
    this.#together = together;
  }

  /** The way of this plan. */
  translate(plan: UpstreamPlan): TranslatedUpstream {
    const { core: without = plan, said: alone = plan.policies } = plan;
    let core = this.#coreShares.get(without);
    if (core === undefined) {
      core = this.#core(without);
      this.#coreShares.set(without, core);
    }
    const { layout, virtualHost } = core.routes;
    const said = this.#saidShare(alone, layout);
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

  /** What policies that stand alone say of ways with a layout: once for all ways of which they say the same. */
  #saidShare(said: PolicyPlans, layout: Layout): SaidShare {
    const owner = this.#saidOwners.get(said) ?? this.#saidOwner(said);
    return (
      owner.byOutline.get(layout.outline ?? layout) ??
      owner.byLayout.get(layout) ??
      this.#joinSaid(owner, said, layout)
    );
  }

  #saidOwner(said: PolicyPlans): SaidOwner {
    const owners = this.#alone.map((definition) =>
      this.#owner(definition, said[definition.kind.type] as object | undefined),
    );
    const key = owners.map((each) => this.#keys.of(each)).join(" ");
    const made = { owners, byLayout: new WeakMap(), byOutline: new WeakMap() };
    const owner = this.#said.get(key, () => made);
    this.#saidOwners.set(said, owner);
    return owner;
  }

  #joinSaid(owner: SaidOwner, said: PolicyPlans, layout: Layout): SaidShare {
    const { outline = layout } = layout;
    const shares = this.#alone.map((definition) => this.#share(definition, said, layout));
    const joined = joinedShares(shares, layout);
    const networkKey = Buffer.from(joined.network).toString("latin1");
    const made = { ...joined, networkKey, options: new WeakMap(), owner };
    if (shares.every((each) => each.owner.byOutline.get(outline) === each))
      owner.byOutline.set(outline, made);
    else owner.byLayout.set(layout, made);
    return made;
  }

  #share(definition: PolicyDefinition, said: PolicyPlans, layout: Layout): OwnedShare {
    const entry = said[definition.kind.type] as object | undefined;
    const owner = this.#owner(definition, entry);
    const { byLayout, byOutline } = owner;
    const { outline = layout } = layout;
    const known = byOutline.get(outline) ?? byLayout.get(layout);
    if (known !== undefined) return known;
    let sees = false;
    const made = shareOf(definition, entry, layout, () => {
      sees = true;
    });
    const share = { ...made, owner };
    if (sees) byLayout.set(layout, share);
    else byOutline.set(outline, share);
    return share;
  }

  /** One for all entries that say the same: a timeout of the mesh says it of every destination. */
  #owner(definition: PolicyDefinition, entry: object | undefined): SharesOwner {
    const known = this.#owners.get(entry ?? definition);
    if (known !== undefined) return known;
    const said = JSON.stringify(entry, (key, value: unknown) => (key === "origins" ? undefined : value));
    const owner = this.#owned.get(
      `${definition.kind.type} ${said}`,
      (): SharesOwner => ({ byLayout: new WeakMap(), byOutline: new WeakMap() }),
    );
    this.#owners.set(entry ?? definition, owner);
    return owner;
  }
}

function newCores(): Cores {
  return { cluster: new Interned(), network: new Interned(), routes: new Interned(), forms: new Map() };
}

/** A number for a part of keys that is long and that many keys have. A destination has few. */
function formOf({ forms }: Cores, text: string): number {
  return getOrMake(forms, text, () => forms.size);
}

function optionsOf(ofCore: Uint8Array, { options, httpOptions }: SaidShare): Uint8Array {
  return getOrMake(options, ofCore, () => encodedOptions([ofCore, httpOptions]));
}
