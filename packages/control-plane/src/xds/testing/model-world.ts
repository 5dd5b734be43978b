import fc from "fast-check";
import type { Fragment, ProxyConfig } from "../fragment.ts";
import { FragmentTable } from "../fragment-table.ts";
import type { ModelRules, Verdict } from "./model-proxy.ts";
import { clusterFragment, configOf, endpointFragment, listenerFragment, routeFragment } from "./resources.ts";

/** One thing that happens to a stream. */
export type Step =
  | { readonly kind: "set"; readonly world: World }
  | { readonly kind: "deliver"; readonly count: number }
  | { readonly kind: "reconnect"; readonly newControlPlane: boolean }
  | { readonly kind: "block"; readonly blocked: boolean }
  | { readonly kind: "askAgain" | "drained" };

/** Variants by slot; a slot without a variant is absent. Each listener uses the cluster of `uses`. */
export interface World {
  readonly clusters: readonly (number | undefined)[];
  readonly endpoints: readonly number[];
  readonly listeners: readonly (
    | { readonly variant: number; readonly renamed: boolean; readonly uses: number }
    | undefined
  )[];
  readonly secrets: readonly (number | undefined)[];
  /** The cluster that the one route sends to. */
  readonly route?: number | undefined;
}

const SLOTS = 4;
const table = new FragmentTable();
const clusterOf = new WeakMap<Fragment, string>();
const verdicts = new WeakMap<Fragment, Verdict>();

/** What the fragments made here mean to a model proxy. */
export const modelRules: ModelRules = {
  verdict: (fragment) => verdicts.get(fragment) ?? "good",
  clusterOf: (listener) => clusterOf.get(listener) ?? "",
};

/** The config of a world. Variants 8 are rejected by name, variants 9 with their whole response. */
export function configFor(world: World): ProxyConfig {
  const fragments: Fragment[] = [];
  const present: string[] = [];
  world.clusters.forEach((variant, slot) => {
    if (variant === undefined) return;
    const name = `c${slot}`;
    const eds = slot % 2 === 0 ? name : `eds:${name}`;
    present.push(name);
    fragments.push(
      judged(clusterFragment(table, name, { timeoutSeconds: variant + 1, serviceName: eds }), variant),
    );
    fragments.push(endpointFragment(table, eds, [1000 + (world.endpoints[slot] ?? 0)]));
  });
  world.listeners.forEach((listener, slot) => {
    const cluster = present[(listener?.uses ?? 0) % Math.max(1, present.length)];
    if (listener === undefined || cluster === undefined) return;
    const name = listener.renamed ? `r${slot}` : `l:${slot}`;
    const fragment = listenerFragment(table, name, {
      port: 10_000 + slot,
      cluster,
      statPrefix: `v${listener.variant}`,
      handsOver: slot === 0,
    });
    clusterOf.set(fragment, cluster);
    fragments.push(judged(fragment, listener.variant));
  });
  const routed = world.route === undefined ? undefined : present[world.route % Math.max(1, present.length)];
  if (routed !== undefined) {
    const fragment = routeFragment(table, "rt", routed);
    clusterOf.set(fragment, routed);
    fragments.push(fragment);
  }
  world.secrets.forEach((variant, slot) => {
    if (variant !== undefined) fragments.push(table.intern("secret", `s${slot}`, Buffer.from([variant])));
  });
  return configOf(...fragments);
}

function judged(fragment: Fragment, variant: number): Fragment {
  if (variant >= 8) verdicts.set(fragment, variant === 8 ? "named" : "whole");
  return fragment;
}

/** Which resources of a world may be ones that the proxy rejects. */
export type Badness = "none" | "listeners" | "anything";

/** Random worlds; with `bad`, some resources are rejected by the proxy. */
export function worlds(bad: Badness): fc.Arbitrary<World> {
  const badOnes = bad !== "none" ? [{ arbitrary: fc.constantFrom(8, 9), weight: 1 }] : [];
  const variant = fc.oneof({ arbitrary: fc.integer({ min: 0, max: 2 }), weight: 6 }, ...badOnes);
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
    fc.option(value, { nil: undefined, freq: 4 });
  return fc.record({
    clusters: slots(optional(bad === "anything" ? variant : fc.integer({ min: 0, max: 2 }))),
    endpoints: slots(fc.integer({ min: 0, max: 2 })),
    listeners: slots(
      optional(
        fc.record({
          variant,
          renamed: fc.boolean(),
          uses: fc.integer({ min: 0, max: SLOTS - 1 }),
        }),
      ),
    ),
    route: optional(fc.integer({ min: 0, max: SLOTS - 1 })),
    secrets: fc.array(optional(fc.integer({ min: 0, max: 2 })), { minLength: 2, maxLength: 2 }),
  });
}

function slots<T>(value: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(value, { minLength: SLOTS, maxLength: SLOTS });
}

/**
 * Random histories of one proxy. What Envoy reports when it reconnects is not all it has, once it has rejected
 * something (see `ProxyMemory`): a control plane that does not remember, or whose rejected clusters still warmed up when
 * the stream broke, cannot know. Those histories are left out.
 */
export function histories(bad: Badness): fc.Arbitrary<readonly Step[]> {
  const reconnects = fc.record({
    kind: fc.constant("reconnect" as const),
    newControlPlane: bad === "none" ? fc.boolean() : fc.constant(false),
  });
  return fc.array(
    fc.oneof(
      { arbitrary: fc.record({ kind: fc.constant("set" as const), world: worlds(bad) }), weight: 4 },
      {
        arbitrary: fc.record({
          kind: fc.constant("deliver" as const),
          count: fc.integer({ min: 1, max: 4 }),
        }),
        weight: 5,
      },
      ...(bad === "anything" ? [] : [{ arbitrary: reconnects, weight: 1 }]),
      { arbitrary: fc.record({ kind: fc.constant("block" as const), blocked: fc.boolean() }), weight: 1 },
      {
        arbitrary: fc.record({ kind: fc.constantFrom("askAgain" as const, "drained" as const) }),
        weight: 1,
      },
    ),
    { maxLength: 25 },
  );
}
