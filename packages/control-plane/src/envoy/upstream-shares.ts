import type { DestinationPlan, PolicyDefinition, UpstreamPlan } from "@skein/policies";
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
  encodedCluster,
  encodedRoutes,
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
  /** What it is made of; other ways find what they have in common with it for as long as somebody keeps this. */
  readonly shares: readonly object[];
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

/**
 * Translates how kinds of callers reach destinations. Two ways to one destination mostly differ in one or two policies.
 * So what a policy says by itself is encoded once for all ways that have it, the rest once for all that agree on what
 * shapes it, and a way is the join of these: a change of a policy costs that policy's share and the joining.
 */
export class UpstreamShares {
  readonly #alone: readonly PolicyDefinition[];
  readonly #together: readonly PolicyDefinition[];
  readonly #keys = new ObjectKeys();
  readonly #cores = new WeakMap<DestinationPlan, Cores>();
  readonly #coreShares = new WeakMap<UpstreamPlan, CoreShares>();
  readonly #layouts = new Interned<Layout>();
  readonly #chains = new WeakMap<Uint8Array, Bounded<NetworkChain>>();
  readonly #owners = new WeakMap<object, SharesOwner>();
  readonly #said = new Interned<SharesOwner>();

  constructor(definitions: readonly PolicyDefinition[]) {
    const { alone, together } = byStanding(definitions);
    this.#alone = alone;
    this.#together = together;
  }

  /** The way of this plan. */
  translate(plan: UpstreamPlan): TranslatedUpstream {
    const without = plan.core ?? plan;
    const core = getOrMake(this.#coreShares, without, () => this.#core(without));
    const shares = this.#alone.map((definition) => this.#share(definition, plan, core.routes.layout));
    return {
      cluster: encodedCluster(core.routes.layout, [core.cluster, ...shares]),
      routes: core.routes.virtualHost && encodedRoutes(core.routes, core.routes.virtualHost, shares),
      network: this.#chain(core, shares),
      shares: [core.cluster, core.routes, ...shares],
    };
  }

  /** Most policies say little or nothing of connections, so what they say is short enough for a key. */
  #chain({ network, routes: { layout } }: CoreShares, alone: readonly Share[]): NetworkChain {
    let key = "";
    for (const { networkKey } of alone) key += `${networkKey.length} ${networkKey}`;
    const chains = getOrMake(this.#chains, network, () => new Bounded(MOST_CHAINS));
    return getOrMake(chains, key, () => ({
      encoded: () => encodedChain(layout, [network, ...alone.map((each) => each.network)]),
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
      cluster: cores.cluster.get(
        `${entries("cluster")}${rest} ${formOf(cores, secrets)}`,
        () => make().cluster,
      ),
      network: cores.network.get(`${entries("listener")}${rest} ${leadsTo}`, () => make().network),
      routes: cores.routes.get(
        `${entries("route")}${rest} ${leadsTo} ${callerTags ?? ""}`,
        () => make().routes,
      ),
    };
  }

  #share(definition: PolicyDefinition, plan: UpstreamPlan, layout: Layout): Share {
    const entry = plan.policies[definition.kind.type] as object | undefined;
    const owner = this.#owner(definition, entry);
    const { byLayout, byOutline } = owner;
    const { outline = layout } = layout;
    const known = byOutline.get(outline) ?? byLayout.get(layout);
    if (known !== undefined) return known;
    let sees = false;
    const said = shareOf(definition, entry, layout, () => {
      sees = true;
    });
    const share = { ...said, owner };
    if (sees) byLayout.set(layout, share);
    else byOutline.set(outline, share);
    return share;
  }

  /** One for all entries that say the same: a timeout of the mesh says it of every destination. */
  #owner(definition: PolicyDefinition, entry: object | undefined): SharesOwner {
    const known = this.#owners.get(entry ?? definition);
    if (known !== undefined) return known;
    const said = JSON.stringify(entry, (key, value: unknown) => (key === "origins" ? undefined : value));
    const owner = this.#said.get(
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
