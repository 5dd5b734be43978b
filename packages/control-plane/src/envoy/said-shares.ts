import type { PolicyDefinition, PolicyPlans } from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import { ObjectKeys } from "../object-keys.ts";
import { Interned } from "../plan/interned.ts";
import { encodedOptions, joinedShares, type Layout, type Share, shareOf } from "./upstream-encoding.ts";

/** What one policy says, or several together. */
interface LayoutShare extends Share {
  /** Whether it matters which policies the routes are from. */
  readonly seesPolicies: boolean;
  /** Keeps what others find it by. */
  readonly among: object;
}

/** Shares that differ in the layouts of the ways that they are for, and in nothing else. */
class ByLayouts<T extends LayoutShare> {
  readonly #byLayout = new WeakMap<Layout, T>();
  readonly #byOutline = new WeakMap<Layout, T>();

  get(layout: Layout): T | undefined {
    return this.#byOutline.get(layout.outline ?? layout) ?? this.#byLayout.get(layout);
  }

  set(layout: Layout, share: T): void {
    if (share.seesPolicies) this.#byLayout.set(layout, share);
    else this.#byOutline.set(layout.outline ?? layout, share);
  }
}

/** What all policies that stand alone say together. */
export interface SaidShare extends LayoutShare {
  /** The bytes of `network`, as part of a key. */
  readonly networkKey: string;
  /** The field of a cluster for its protocol, by what the core says of that. */
  readonly options: WeakMap<Uint8Array, Uint8Array>;
}

/** What entries of one kind of policy say that say the same; where they came from aside. */
class KindShares extends ByLayouts<LayoutShare> {
  readonly definition: PolicyDefinition;

  constructor(definition: PolicyDefinition) {
    super();
    this.definition = definition;
  }
}

/** What entries say, one of each kind of policy. */
interface Sayings {
  readonly each: readonly KindShares[];
  readonly together: ByLayouts<SaidShare>;
}

/**
 * What policies that stand alone say of ways to destinations: of each kind encoded once for all entries that say the same, and
 * put together once for all ways that have the same ones. A thousand ways of a mesh have less than a hundred of these.
 */
export class SaidShares {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #keys = new ObjectKeys();
  readonly #ofEntries = new WeakMap<object, KindShares>();
  readonly #kinds = new Interned<KindShares>();
  readonly #ofPlans = new WeakMap<PolicyPlans, Sayings>();
  readonly #sayings = new Interned<Sayings>();

  constructor(definitions: readonly PolicyDefinition[]) {
    this.#definitions = definitions;
  }

  /** What they say of ways with a layout: the same object for all of which they say the same. */
  of(plans: PolicyPlans, layout: Layout): SaidShare {
    const sayings = this.#ofPlans.get(plans) ?? this.#sayingsOf(plans);
    return sayings.together.get(layout) ?? joinedSaid(sayings, plans, layout);
  }

  #sayingsOf(plans: PolicyPlans): Sayings {
    const each = this.#definitions.map((definition) => this.#shares(definition, plans));
    const key = each.map((shares) => this.#keys.of(shares)).join(" ");
    const sayings = this.#sayings.get(key, (): Sayings => ({ each, together: new ByLayouts() }));
    this.#ofPlans.set(plans, sayings);
    return sayings;
  }

  /** One for all entries that say the same: a timeout of the mesh says it of every destination. */
  #shares(definition: PolicyDefinition, plans: PolicyPlans): KindShares {
    const entry = entryOf(definition, plans);
    const known = this.#ofEntries.get(entry ?? definition);
    if (known !== undefined) return known;
    const said = JSON.stringify(entry, (key, value: unknown) => (key === "origins" ? undefined : value));
    const shares = this.#kinds.get(`${definition.kind.type} ${said}`, () => new KindShares(definition));
    this.#ofEntries.set(entry ?? definition, shares);
    return shares;
  }
}

/** The field of a cluster for its protocol. @param ofCore what all other policies say of it */
export function optionsOf(ofCore: Uint8Array, { options, httpOptions }: SaidShare): Uint8Array {
  return getOrMake(options, ofCore, () => encodedOptions([ofCore, httpOptions]));
}

/** What all say together of ways with a layout, for the first of them. */
function joinedSaid(sayings: Sayings, plans: PolicyPlans, layout: Layout): SaidShare {
  const shares = sayings.each.map((among) => among.get(layout) ?? encoded(among, plans, layout));
  const joined = joinedShares(shares, layout);
  const share: SaidShare = {
    ...joined,
    seesPolicies: shares.some(({ seesPolicies }) => seesPolicies),
    networkKey: Buffer.from(joined.network).toString("latin1"),
    options: new WeakMap(),
    among: sayings,
  };
  sayings.together.set(layout, share);
  return share;
}

/** What an entry says of ways with a layout, for the first of them. */
function encoded(among: KindShares, plans: PolicyPlans, layout: Layout): LayoutShare {
  const { definition } = among;
  let seesPolicies = false;
  const said = shareOf(definition, entryOf(definition, plans), layout, () => {
    seesPolicies = true;
  });
  const share: LayoutShare = { ...said, seesPolicies, among };
  among.set(layout, share);
  return share;
}

function entryOf({ kind }: PolicyDefinition, plans: PolicyPlans): object | undefined {
  return plans[kind.type] as object | undefined;
}
