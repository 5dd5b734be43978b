import type { DataplaneResource, NewResource, Violation } from "@skein/model";
import {
  meshProxyPatch,
  type Origin,
  type PatchProblem,
  type PolicyPlans,
  type PolicyResource,
  policyKri,
  select,
} from "@skein/policies";
import type { Trial } from "../api/ports.ts";
import type { World } from "../pipeline/world.ts";
import type { Store } from "../store/store.ts";
import { selectable } from "../view/selectable.ts";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import type { EnvoyVerdict } from "./envoy-validator.ts";
import { turns } from "./turns.ts";

export interface PatchTrialOptions {
  readonly world: World;
  readonly store: Store;
  /** Asks an Envoy whether it takes a proxy's configuration; or why nobody is asked. */
  readonly ask:
    | ((dataplane: string, config: ProxyConfig) => Promise<EnvoyVerdict>)
    | { readonly not: string };
  /** Content of a fragment without what differs between instances, so that one stands for all of its kind. */
  readonly shapeOf: (fragment: Fragment) => Promise<string>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** At most so many proxies are shown to Envoy, and at most so long. */
const SAMPLES = 8;
const BUDGET_MS = 20_000;

const NOTHING: Trial = { violations: [], warnings: [] };

/**
 * Tries a MeshProxyPatch on the proxies that it selects before it is written: whether its modifications can be done,
 * whether they find anything to do, and whether Envoy takes what comes out.
 */
export async function tryPatch(options: PatchTrialOptions, written: NewResource): Promise<Trial> {
  if (written.type !== meshProxyPatch.kind.type) return NOTHING;
  const policy = { ...written, creationTime: "", modificationTime: "", revision: 0 } as PolicyResource;
  const tried = await onProxies(options, policy);
  if (tried.length === 0) return NOTHING;
  const kri = policyKri(policy, "mpp");
  const problems = tried.flatMap(({ name, config }) =>
    (config.patched?.problems ?? [])
      .filter(({ origin }) => origin.policy === kri)
      .map((problem) => ({ name, problem })),
  );
  if (problems.length > 0) return { violations: firstOfEach(policy, problems), warnings: [] };
  const idle = idleModifications(policy, kri, tried);
  const asked = await askEnvoy(options, policy, tried);
  return { violations: asked.violations, warnings: [...idle, ...asked.warnings] };
}

/** A proxy with and without the patch. */
interface Tried {
  readonly name: string;
  readonly config: ProxyConfig;
  readonly before: ProxyConfig;
  /** Its configuration with the first modifications only. */
  readonly withFirst: (count: number) => ProxyConfig;
}

async function onProxies(
  { world, store, now }: PatchTrialOptions,
  policy: PolicyResource,
): Promise<readonly Tried[]> {
  const mesh = world.mesh(policy.mesh);
  const others = store
    .list({ type: policy.type, mesh: policy.mesh })
    .filter(({ name }) => name !== policy.name) as readonly PolicyResource[];
  const gateways = mesh.index.gateways.get();
  const tried: Tried[] = [];
  const turn = turns(now);
  for (const dataplane of store.list<DataplaneResource>({ type: "Dataplane", mesh: policy.mesh })) {
    await turn();
    const proxy = selectable(dataplane, gateways);
    if (select(policy, proxy).kind === "none") continue;
    const plan = mesh.planner.plan.at(dataplane.name).get();
    if (plan === undefined) continue;
    const rest = others.filter((each) => select(each, proxy).kind !== "none");
    const configOf = (policies: readonly PolicyResource[]): ProxyConfig | undefined =>
      mesh.configWith(dataplane.name, withPatches(plan.policies, policies, policy.mesh));
    const [config, before] = [configOf([...rest, policy]), configOf(rest)];
    if (config === undefined || before === undefined) continue;
    const withFirst = (count: number): ProxyConfig => configOf([...rest, shortened(policy, count)]) ?? before;
    tried.push({ name: dataplane.name, config, before, withFirst });
  }
  return tried;
}

function withPatches(plans: PolicyPlans, policies: readonly PolicyResource[], mesh: string): PolicyPlans {
  const { [meshProxyPatch.kind.type]: _, ...rest } = plans;
  const entry = meshProxyPatch.planProxy?.({ policies, mesh });
  return entry === undefined ? rest : { ...rest, [meshProxyPatch.kind.type]: entry };
}

function modificationsOf(policy: PolicyResource): readonly object[] {
  const list: unknown = Reflect.get(Object(policy.spec.default), "appendModifications");
  return Array.isArray(list) ? list : [];
}

function shortened(policy: PolicyResource, count: number): PolicyResource {
  const appendModifications = modificationsOf(policy).slice(0, count);
  return { ...policy, spec: { ...policy.spec, default: { appendModifications } } };
}

/** Path of a modification with its kind. */
function fieldOf(policy: PolicyResource, index: number): string {
  const kind = Object.keys(modificationsOf(policy)[index] ?? {})[0];
  return `spec.default.appendModifications[${index}]${kind === undefined ? "" : `.${kind}`}`;
}

function indexOf({ rule }: Origin): number {
  return Number(/\[(\d+)\]$/.exec(rule)?.[1] ?? 0);
}

function firstOfEach(
  policy: PolicyResource,
  problems: readonly { readonly name: string; readonly problem: PatchProblem }[],
): readonly Violation[] {
  const found = new Map<string, Violation>();
  for (const { name, problem } of problems) {
    const field = fieldOf(policy, indexOf(problem.origin));
    const reason = `cannot be done on ${problem.resource} of dataplane "${name}": ${problem.message}`;
    if (!found.has(field)) found.set(field, { field, reason });
  }
  return [...found.values()];
}

function idleModifications(policy: PolicyResource, kri: string, tried: readonly Tried[]): readonly string[] {
  const done = new Set(
    tried.flatMap(({ config }) =>
      (config.patched?.by ?? []).filter((each) => each.policy === kri).map(indexOf),
    ),
  );
  const whom =
    tried.length === 1
      ? `the proxy that it selects now, "${tried[0]?.name}"`
      : `any of the ${tried.length} proxies that it selects now`;
  return modificationsOf(policy).flatMap((_, i) =>
    done.has(i) ? [] : [`${fieldOf(policy, i)} finds nothing to change on ${whom}`],
  );
}

async function askEnvoy(
  { ask, shapeOf, now }: PatchTrialOptions,
  policy: PolicyResource,
  tried: readonly Tried[],
): Promise<Trial> {
  const { samples, left } = await representatives(tried, shapeOf, turns(now));
  if (samples.length === 0) return NOTHING;
  if (typeof ask !== "function") {
    return { violations: [], warnings: [`no Envoy was asked whether it takes this: ${ask.not}`] };
  }
  const end = now() + BUDGET_MS;
  const warnings: string[] = [];
  let unasked = left;
  for (const sample of samples) {
    if (now() > end) {
      unasked += 1;
      continue;
    }
    const verdict = await ask(sample.name, sample.config);
    if (verdict.kind === "unknown")
      warnings.push(`no Envoy could tell whether it takes this: ${verdict.reason}`);
    if (verdict.kind !== "refused") continue;
    const before = await ask(sample.name, sample.before);
    if (before.kind === "refused") {
      warnings.push(
        `Envoy refuses what dataplane "${sample.name}" has without this document too, so nothing can be said of it: ${before.message}`,
      );
      continue;
    }
    return { violations: [await culprit(ask, policy, sample, verdict.message)], warnings: [] };
  }
  if (unasked > 0) {
    warnings.push(`Envoy was not asked about ${unasked} more kinds of configuration that this changes`);
  }
  return { violations: [], warnings: [...new Set(warnings)] };
}

/** The first modification with which Envoy refuses: without it and those behind it the configuration is good. */
async function culprit(
  ask: (dataplane: string, config: ProxyConfig) => Promise<EnvoyVerdict>,
  policy: PolicyResource,
  { name, withFirst }: Tried,
  message: string,
): Promise<Violation> {
  let [good, bad] = [0, modificationsOf(policy).length];
  let words = message;
  while (bad - good > 1) {
    const middle = Math.floor((good + bad) / 2);
    const verdict = await ask(name, withFirst(middle));
    if (verdict.kind === "refused") {
      bad = middle;
      words = verdict.message;
    } else good = middle;
  }
  const field = fieldOf(policy, bad - 1);
  return { field, reason: `Envoy refuses what dataplane "${name}" would get: ${words}` };
}

/** Proxies that together have every kind of resource that the patch changes. */
async function representatives(
  tried: readonly Tried[],
  shapeOf: (fragment: Fragment) => Promise<string>,
  turn: () => Promise<void>,
): Promise<{ readonly samples: readonly Tried[]; readonly left: number }> {
  const seen = new Set<string>();
  const samples: Tried[] = [];
  let left = 0;
  for (const each of tried) {
    const shapes: string[] = [];
    for (const fragment of changed(each)) {
      shapes.push(await shapeOf(fragment));
      await turn();
    }
    if (shapes.every((shape) => seen.has(shape))) continue;
    for (const shape of shapes) seen.add(shape);
    if (samples.length < SAMPLES) samples.push(each);
    else left += 1;
  }
  return { samples, left };
}

function changed({ config, before }: Tried): readonly Fragment[] {
  return (["clusters", "listeners", "routes"] as const).flatMap((type) => {
    const now = [...config[type].values()].filter((fragment) => before[type].get(fragment.name) !== fragment);
    // What is gone can be missed by what is left.
    const gone = [...before[type].values()].filter(({ name }) => !config[type].has(name));
    return [...now, ...gone];
  });
}
