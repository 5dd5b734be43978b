import { hash } from "node:crypto";
import type { PlanChange } from "./plan-change.ts";
import {
  type AccessChange,
  type Bounded,
  bounded,
  type Effects,
  type FieldChange,
  type Limits,
  type NameChange,
  type ProxyGroup,
  type ResourceChange,
} from "./report.ts";

/** A list of which the first so many are kept, and all are counted. */
class Names {
  readonly #limit: number;
  readonly #kept = new Set<string>();
  #total = 0;
  #last: string | undefined;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Adds a name. One that is not kept counts again, unless it comes twice in a row. */
  add(name: string): void {
    if (name === this.#last || this.#kept.has(name)) return;
    this.#last = name;
    this.#total += 1;
    if (this.#kept.size < this.#limit) this.#kept.add(name);
  }

  get bounded(): Bounded<string> {
    return { total: this.#total, items: [...this.#kept] };
  }
}

interface Group {
  readonly mesh: string;
  readonly resources: readonly ResourceChange[];
  readonly names: Names;
}

interface Field {
  readonly mesh: string;
  readonly change: Omit<PlanChange, "place">;
  readonly places: Set<string>;
  readonly names: Names;
}

/** Gathers what a change does to one proxy after the other: alike changes become one entry. */
export class Tally {
  readonly #limits: Limits;
  readonly #groups = new Map<string, Group>();
  readonly #fields = new Map<string, Field>();
  readonly #access: AccessChange[] = [];
  #pairs = 0;
  #seen = 0;
  #changed = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** A proxy that was looked at, with what would change; nothing where it would not. */
  proxy(
    mesh: string,
    name: string,
    resources: readonly ResourceChange[],
    changes: readonly PlanChange[],
  ): void {
    this.#seen += 1;
    if (resources.length === 0) return;
    this.#changed += 1;
    const { names } = this.#limits;
    const signature = hash("sha1", JSON.stringify([mesh, resources]));
    const group = this.#groups.get(signature) ?? { mesh, resources, names: new Names(names) };
    this.#groups.set(signature, group);
    group.names.add(name);
    for (const { place, ...change } of changes) {
      const key = hash("sha1", JSON.stringify([mesh, change]));
      const field = this.#fields.get(key) ?? { mesh, change, places: new Set(), names: new Names(names) };
      this.#fields.set(key, field);
      field.places.add(place);
      field.names.add(name);
    }
  }

  /** Pairs of workloads whose verdict would change. */
  access(changes: readonly AccessChange[]): void {
    this.#pairs += changes.length;
    this.#access.push(...changes.slice(0, Math.max(0, this.#limits.pairs - this.#access.length)));
  }

  /** All of it, the most widespread first. */
  effects(revision: number, names: readonly NameChange[], notes: readonly string[]): Effects {
    const { groups, fields, services, resources, places } = this.#limits;
    const byReach = <T extends { readonly proxies: Bounded<string> }>(items: readonly T[]): readonly T[] =>
      items.toSorted((a, b) => b.proxies.total - a.proxies.total);
    const allGroups = [...this.#groups.values()].map(
      (group): ProxyGroup => ({
        mesh: group.mesh,
        proxies: group.names.bounded,
        resources: bounded(group.resources, resources),
      }),
    );
    const allFields = [...this.#fields.values()].map(
      ({ mesh, change, places: at, names: holders }): FieldChange => ({
        mesh,
        ...change,
        places: bounded([...at].sort(), places),
        proxies: holders.bounded,
      }),
    );
    return {
      revision,
      proxies: {
        total: this.#seen,
        changed: this.#changed,
        groups: bounded(byReach(allGroups), groups),
      },
      access: { total: this.#pairs, items: this.#access },
      diff: bounded(byReach(allFields), fields),
      names: bounded(names, services),
      notes,
    };
  }
}
