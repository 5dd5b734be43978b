import type { PolicyDefinition, PolicyResource, Selectable } from "@skein/policies";
import { comparePolicies, select } from "@skein/policies";
import { WeakValues } from "../weak-values.ts";

/**
 * The policies that stand for one proxy or one inbound. Interned: equal sets are the same object, so everything
 * computed from a set is computed once for all proxies that have it.
 */
export interface PolicySet {
  /** Unique while the set is alive; changes when any of its policies does. */
  readonly id: string;
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

const EMPTY: PolicySet = { id: "", byKind: new Map() };
/** What a proxy has that no policy selects. */
export const NO_POLICIES: ProxyPolicies = {
  outbound: EMPTY,
  inbound: new Map(),
  proxy: EMPTY,
  gateway: new Map(),
};

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

const keys = new WeakMap<PolicyResource, string>();
let known = 0;

/** Tells one document of a policy from all others; short, because sets are named after what is in them. */
export function policyKey(policy: PolicyResource): string {
  let key = keys.get(policy);
  if (key === undefined) {
    key = (known++).toString(36);
    keys.set(policy, key);
  }
  return key;
}

/** Makes equal sets the same object, for as long as somebody holds them. */
export class PolicySets {
  readonly #reach: PolicyReach;
  readonly #sets = new WeakValues<PolicySet>();

  constructor(reach: PolicyReach) {
    this.#reach = reach;
  }

  /** The set of these policies, which need no particular order. */
  of(policies: readonly PolicyResource[]): PolicySet {
    if (policies.length === 0) return EMPTY;
    const id = policies.map(policyKey).sort().join(" ");
    const known = this.#sets.get(id);
    if (known !== undefined) return known;
    const byKind = new Map<string, PolicyResource[]>();
    for (const policy of [...policies].sort(comparePolicies)) {
      const list = byKind.get(policy.type);
      if (list === undefined) byKind.set(policy.type, [policy]);
      else list.push(policy);
    }
    const set: PolicySet = { id, byKind };
    this.#sets.set(id, set);
    return set;
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
    const made = new Map<PolicySet, Map<string, PolicySet>>();
    const become = (set: PolicySet, added: readonly PolicyResource[]): PolicySet => {
      const key = added.map(policyKey).join(" ");
      let byAdded = made.get(set);
      if (byAdded === undefined) {
        byAdded = new Map();
        made.set(set, byAdded);
      }
      let next = byAdded.get(key);
      if (next === undefined) {
        const all = [...set.byKind.values()].flat();
        const rest = all.filter(({ type, name }) => !changed.has(`${type}/${name}`));
        next = rest.length === all.length && added.length === 0 ? set : this.of([...rest, ...added]);
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
            Array.from(lists, ([section, list]) => [section, become(sets.get(section) ?? EMPTY, list)]),
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
