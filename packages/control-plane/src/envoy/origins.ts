import type { PolicyDefinition, PolicyPlans, UpstreamPlan } from "@skein/policies";
import { contributors } from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import { byStanding } from "../plan/standing.ts";
import type { FragmentTable } from "../xds/fragment-table.ts";

/** The resources that policies shape. */
export type ShapedType = NonNullable<PolicyDefinition["shapes"]>[number];

/** Of what a way becomes, by type. */
type ByType = Readonly<Record<"cluster" | "listener" | "route", readonly string[]>>;

/** Tells which policies had a say in a resource, by their KRIs, sorted; equal lists are the same object. */
export class Origins {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #together: readonly PolicyDefinition[];
  readonly #alone: readonly PolicyDefinition[];
  readonly #table: FragmentTable;
  /** KRIs of the policies behind an entry. */
  readonly #behind = new WeakMap<object, readonly string[]>();
  /** By the way without policies that stand alone. */
  readonly #ofCores = new WeakMap<UpstreamPlan, ByType>();
  /** By what these say. */
  readonly #ofSaid = new WeakMap<PolicyPlans, ByType>();
  /** Of two lists. */
  readonly #unions = new WeakMap<readonly string[], WeakMap<readonly string[], readonly string[]>>();

  constructor(definitions: readonly PolicyDefinition[], table: FragmentTable) {
    this.#definitions = definitions;
    const { alone, together } = byStanding(definitions);
    this.#alone = alone;
    this.#together = together;
    this.#table = table;
  }

  /** Of what entries of policies become. */
  of(plans: PolicyPlans, type: ShapedType): readonly string[] {
    return this.#with(NONE, this.#definitions, plans, type);
  }

  /** Of what the entry of one kind of policy becomes. */
  ofKind(plans: PolicyPlans, kind: string, type: ShapedType): readonly string[] {
    return this.of({ [kind]: plans[kind] }, type);
  }

  /** Of what a way becomes. */
  ofWay(way: UpstreamPlan): ByType {
    const { core = way, said = way.policies } = way;
    const ofCore = getOrMake(this.#ofCores, core, () => this.#ofAll(this.#together, core.policies));
    const ofSaid = getOrMake(this.#ofSaid, said, () => this.#ofAll(this.#alone, said));
    return {
      cluster: this.#union(ofCore.cluster, ofSaid.cluster),
      route: this.#union(ofCore.route, ofSaid.route),
      listener: this.#union(ofCore.listener, ofSaid.listener),
    };
  }

  #ofAll(definitions: readonly PolicyDefinition[], plans: PolicyPlans): ByType {
    const of = (type: ShapedType): readonly string[] => this.#with(NONE, definitions, plans, type);
    return { cluster: of("cluster"), listener: of("listener"), route: of("route") };
  }

  #with(
    before: readonly string[],
    definitions: readonly PolicyDefinition[],
    plans: PolicyPlans,
    type: ShapedType,
  ): readonly string[] {
    let all = before;
    for (const { kind, shapes, origins } of definitions) {
      const entry = plans[kind.type] as object | undefined;
      if (entry === undefined || shapes?.includes(type) === false) continue;
      all = this.#union(all, this.#behind.get(entry) ?? this.#contributors(entry, origins));
    }
    return all;
  }

  #contributors(entry: object, origins: PolicyDefinition["origins"]): readonly string[] {
    const list = this.#table.origins(contributors(origins(entry)));
    this.#behind.set(entry, list);
    return list;
  }

  #union(one: readonly string[], other: readonly string[]): readonly string[] {
    if (one === other || other.length === 0) return one;
    if (one.length === 0) return other;
    const known = this.#unions.get(one)?.get(other);
    if (known !== undefined) return known;
    const union = this.#table.origins([...new Set([...one, ...other])].sort());
    getOrMake(this.#unions, one, () => new WeakMap()).set(other, union);
    return union;
  }
}

const NONE: readonly string[] = [];
