import type { PolicyDefinition, PolicyResource, Selectable } from "@skein/policies";
import { comparePolicies, select } from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import { ObjectKeys } from "../object-keys.ts";
import { Interned } from "../plan/interned.ts";

/**
 * The policies that stand for one proxy or one inbound. Interned: equal sets are the same object, so everything
 * computed from a set is computed once for all proxies that have it.
 */
export interface PolicySet {
  /** Unique while the set is alive; changes when any of its policies does. */
  readonly id: string;
  /** Lists as of {@link policyList}, lowest precedence first. */
  readonly byKind: ReadonlyMap<string, readonly PolicyResource[]>;
}

/** The sets of one proxy. */
export interface ProxyPolicies {
  /** Those that shape what the proxy calls. */
  readonly outbound: PolicySet;
  /** By section name. */
  readonly inbound: ReadonlyMap<string, PolicySet>;
  /** Those that are about the proxy as a whole. */
  readonly proxy: PolicySet;
  /** Of a built-in gateway: all that select a listener, by its section name; routes are among them. */
  readonly gateway: ReadonlyMap<string, PolicySet>;
}

/** What nothing selects. */
export const NO_SET: PolicySet = { id: "", byKind: new Map() };
/** What a proxy has that no policy selects. */
export const NO_POLICIES: ProxyPolicies = {
  outbound: NO_SET,
  inbound: new Map(),
  proxy: NO_SET,
  gateway: new Map(),
};

/** Whether the sets of sections are the same ones. */
export function sameSets(a: ProxyPolicies["inbound"], b: ProxyPolicies["inbound"]): boolean {
  if (a.size !== b.size) return false;
  for (const [section, set] of a) if (b.get(section) !== set) return false;
  return true;
}

/** What of a policy reaches an inbound, and what reaches the calls of a proxy. */
export interface PolicyReach {
  readonly inbound: (policy: PolicyResource) => boolean;
  readonly outbound: (policy: PolicyResource) => boolean;
  readonly proxy: (policy: PolicyResource) => boolean;
  /** Reaches a listener of a built-in gateway, or what it calls. */
  readonly gateway: (policy: PolicyResource) => boolean;
}

/** From the policies' definitions: which kinds say anything of a side, and whether this one document does. */
export function policyReach(definitions: readonly PolicyDefinition[]): PolicyReach {
  const inbound = new Set(
    definitions.filter((each) => each.planInbound !== undefined).map(({ kind }) => kind.type),
  );
  const outbound = new Map(
    definitions
      .filter((each) => each.planOutbound !== undefined)
      .map((each) => [each.kind.type, each] as const),
  );
  const proxy = new Set(
    definitions.filter((each) => each.planProxy !== undefined).map(({ kind }) => kind.type),
  );
  const isThere = (list: readonly unknown[] | undefined): boolean => list !== undefined && list.length > 0;
  const reach: Omit<PolicyReach, "gateway"> = {
    inbound: ({ type, spec }) =>
      inbound.has(type) && (isThere(spec.rules) || isThere(spec.from) || spec.default !== undefined),
    outbound: (policy) => {
      const definition = outbound.get(policy.type);
      if (definition === undefined) return false;
      if (definition.kind.policy?.hasTo === true) return isThere(policy.spec.to);
      return definition.concernsCalls?.(policy) ?? true;
    },
    proxy: ({ type }) => proxy.has(type),
  };
  return {
    ...reach,
    gateway: (policy) => isThere(policy.spec.to) || reach.inbound(policy) || reach.outbound(policy),
  };
}

/** Policies that have changed together. */
export interface PolicySetsChange {
  /** The sets of a proxy after it. */
  of(proxy: Selectable, before: ProxyPolicies): ProxyPolicies;
}

const keys = new ObjectKeys();

/** Tells one document of a policy from all others; short, because sets are named after what is in them. */
export function policyKey(policy: PolicyResource): string {
  return keys.of(policy);
}

const lists = new Interned<readonly PolicyResource[]>();
const listKeys = new ObjectKeys();

/** One object for all equal lists, so that what follows from a list is found by the list. */
export function policyList(policies: readonly PolicyResource[]): readonly PolicyResource[] {
  return lists.get(policies.map(policyKey).join(" "), () => policies);
}

/** Tells one of {@link policyList} from all others, shortly. */
export function listKey(list: readonly PolicyResource[]): string {
  return listKeys.of(list);
}

/** A set of such lists, named after them. */
export function policySet(byKind: ReadonlyMap<string, readonly PolicyResource[]>): PolicySet {
  return { id: Array.from(byKind.values(), listKey).sort().join(" "), byKind };
}

/** Makes equal sets the same object, for as long as somebody holds them. */
export class PolicySets {
  readonly #reach: PolicyReach;
  readonly #sets = new Interned<PolicySet>();

  constructor(reach: PolicyReach) {
    this.#reach = reach;
  }

  /** The set of these policies, which need no particular order. */
  of(policies: readonly PolicyResource[]): PolicySet {
    return this.#with(
      NO_SET,
      Map.groupBy(policies, ({ type }) => type),
    );
  }

  /** A set with other lists of some kinds, which need no particular order. */
  #with(set: PolicySet, changed: ReadonlyMap<string, readonly PolicyResource[]>): PolicySet {
    const byKind = new Map(set.byKind);
    for (const [type, list] of changed) {
      if (list.length === 0) byKind.delete(type);
      else byKind.set(type, policyList([...list].sort(comparePolicies)));
    }
    if (byKind.size === 0) return NO_SET;
    const made = policySet(byKind);
    return this.#sets.get(made.id, () => made);
  }

  /** The sets of a proxy, given every policy of its mesh. */
  forProxy(proxy: Selectable, policies: Iterable<PolicyResource>): ProxyPolicies {
    const { outbound, inbound, whole, gateway } = this.#parts(proxy, policies);
    const setsOf = (lists: ReadonlyMap<string, readonly PolicyResource[]>) =>
      new Map(Array.from(lists, ([section, list]) => [section, this.of(list)]));
    return {
      outbound: this.of(outbound),
      inbound: setsOf(inbound),
      proxy: this.of(whole),
      gateway: setsOf(gateway),
    };
  }

  /**
   * What the sets of proxies become when policies change, from what they were: it looks at no other policy, and a set
   * that many proxies have is made anew once.
   */
  changing(changed: ReadonlyMap<string, PolicyResource | undefined>): PolicySetsChange {
    const current = [...changed.values()].filter((policy) => policy !== undefined);
    const types = new Set(Array.from(changed.keys(), (key) => key.slice(0, key.indexOf("/"))));
    const made = new Map<PolicySet, Map<string, PolicySet>>();
    const become = (set: PolicySet, added: readonly PolicyResource[]): PolicySet => {
      const key = added.map(policyKey).join(" ");
      const byAdded = getOrMake(made, set, () => new Map());
      let next = byAdded.get(key);
      if (next === undefined) {
        const lists = new Map<string, readonly PolicyResource[]>();
        for (const type of types) {
          const list = set.byKind.get(type) ?? [];
          const rest = list.filter(({ name }) => !changed.has(`${type}/${name}`));
          const more = added.filter((policy) => policy.type === type);
          if (rest.length < list.length || more.length > 0) lists.set(type, [...rest, ...more]);
        }
        next = lists.size === 0 ? set : this.#with(set, lists);
        byAdded.set(key, next);
      }
      return next;
    };
    return {
      of: (proxy, before) => {
        const { outbound, inbound, whole, gateway } = this.#parts(proxy, current);
        const eachOf = (
          lists: ReadonlyMap<string, readonly PolicyResource[]>,
          sets: ReadonlyMap<string, PolicySet>,
        ) =>
          new Map(
            Array.from(lists, ([section, list]) => [section, become(sets.get(section) ?? NO_SET, list)]),
          );
        return {
          outbound: become(before.outbound, outbound),
          inbound: eachOf(inbound, before.inbound),
          proxy: become(before.proxy, whole),
          gateway: eachOf(gateway, before.gateway),
        };
      },
    };
  }

  /** Which of some policies are about which part of a proxy. */
  #parts(proxy: Selectable, policies: Iterable<PolicyResource>) {
    const outbound: PolicyResource[] = [];
    const whole: PolicyResource[] = [];
    const inbound = new Map<string, PolicyResource[]>(proxy.inbounds.map(({ section }) => [section, []]));
    const gateway = new Map<string, PolicyResource[]>(
      proxy.gateway?.listeners.map(({ section }) => [section, []]),
    );
    for (const policy of policies) {
      const selection = select(policy, proxy);
      if (selection.kind === "none") continue;
      if (selection.kind === "gateway") {
        if (this.#reach.proxy(policy)) whole.push(policy);
        if (!this.#reach.gateway(policy)) continue;
        for (const [section, list] of gateway) if (selection.sections.has(section)) list.push(policy);
        continue;
      }
      if ((selection.kind === "proxy" || selection.outbounds) && this.#reach.outbound(policy))
        outbound.push(policy);
      if (this.#reach.proxy(policy)) whole.push(policy);
      if (!this.#reach.inbound(policy)) continue;
      for (const [section, list] of inbound) {
        if (selection.kind === "proxy" || selection.sections.has(section)) list.push(policy);
      }
    }
    return { outbound, inbound, whole, gateway };
  }
}
