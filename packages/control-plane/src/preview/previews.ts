import type { NewResource, Resource } from "@skein/model";
import type { EndpointsPlan } from "@skein/policies/plan/endpoints-plan";
import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";
import { type Parties, partiesOf } from "../access/parties.ts";
import type { DataplaneFacts } from "../naming/settings.ts";
import { WATCHED_TYPES } from "../naming/zone-naming.ts";
import { Slices } from "../pipeline/slices.ts";
import type { MeshWorld, World } from "../pipeline/world.ts";
import { DraftStore } from "../store/draft.ts";
import type { Change, Store, Write } from "../store/store.ts";
import { warningsFor } from "../warnings/warnings.ts";
import type { ProxyConfig } from "../xds/fragment.ts";
import { accessChanges, callersOf } from "./access-change.ts";
import { changedResources } from "./config-change.ts";
import { foreseeCertificate, foreseeIdentities, type IdentityEnvironment } from "./identity-consequences.ts";
import { nameChanges } from "./name-change.ts";
import { type Derivation, NamingConsequences, type NamingEnvironment } from "./naming-consequences.ts";
import { PlanComparer, type SituatedPlan } from "./plan-change.ts";
import { populate } from "./populate.ts";
import { type Draft, type Previews, PreviewsBusy } from "./port.ts";
import { type Effects, LIMITS, type Limits } from "./report.ts";
import { Tally } from "./tally.ts";

export interface PreviewsOptions extends IdentityEnvironment {
  readonly world: World;
  readonly store: Store;
  readonly naming: NamingEnvironment;
  /** Types of all kinds that plans are made from. */
  readonly types: readonly string[];
  readonly isPolicy: (type: string) => boolean;
  readonly isConnected: (mesh: string, dataplane: string) => boolean;
  /** As `ApiDeps.onMeshWritten`, reading from a store. */
  readonly onMeshWritten: (
    store: Store,
    mesh: NewResource,
    before: NewResource | undefined,
  ) => Promise<readonly Write[]>;
  /** Monotonic milliseconds. */
  readonly monotonic: () => number;
  readonly limits?: Limits;
  /** How many may wait while one is being answered. */
  readonly queue?: number;
}

/** What one proxy should do and hold. */
interface Proxy {
  readonly plan: ProxyPlan;
  readonly config: ProxyConfig | undefined;
  /** What it presents, by secret. */
  readonly presents: ReadonlyMap<string, string>;
}

/** One mesh at one time. */
interface MeshState {
  readonly proxies: ReadonlyMap<string, Proxy>;
  readonly endpoints: ReadonlyMap<string, EndpointsPlan>;
  readonly parties: Parties;
}

const SLICE_MS = 8;

/**
 * Previews by a second world: it is made from a snapshot of the store and the facts of the live one, evaluated, changed,
 * and evaluated again, which computes what the change touches. One at a time, in slices; what it made goes with it.
 */
export function previews(options: PreviewsOptions): Previews {
  const line = new Line(options.queue ?? 4);
  return {
    preview: (change, signal) => line.enter(signal, () => preview(options, change, signal)),
    shadow: (mesh, dataplane, signal) => line.enter(signal, () => shadowed(options, mesh, dataplane, signal)),
  };
}

/** Lets one in at a time. */
class Line {
  readonly #most: number;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(most: number) {
    this.#most = most;
  }

  async enter<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    if (this.#waiting > this.#most) {
      throw new PreviewsBusy(`${this.#waiting} previews wait already: try again in a moment`);
    }
    this.#waiting += 1;
    const turn = this.#last.then(() => {
      signal.throwIfAborted();
      return work();
    });
    // Not the answer: it would be kept until the next one asks.
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }
}

async function preview<T>(
  options: PreviewsOptions,
  change: (draft: Draft) => Promise<T>,
  signal: AbortSignal,
): Promise<{ readonly result: T; readonly effects: Effects }> {
  const { store, types, monotonic, now, isPolicy, onMeshWritten } = options;
  const slices = new Slices(monotonic, SLICE_MS);
  const { revision } = store;
  const snapshot = [...new Set([...types, ...WATCHED_TYPES])].map((type) => store.list({ type }));
  const filling = new DraftStore(revision, now);
  for (const documents of snapshot) {
    await slices.each(documents, signal, (document) => filling.add(document));
  }
  const draft = filling.open();
  const changes: Change[] = [];
  const unwatch = draft.watch((list) => changes.push(...list));
  const result = await change({
    store: draft,
    warnings: (written) => warningsFor(written, draft, isPolicy),
    onMeshWritten: (mesh, before) => onMeshWritten(draft, mesh, before),
  });
  unwatch();
  const tally = new Tally(options.limits ?? LIMITS);
  const naming = new NamingConsequences(options.naming, snapshot.flat());
  const notes: string[] = [];
  const derived: Change[] = [];
  for (const [mesh, list] of meshesConcerned(changes, draft)) {
    const outcome = await foresee(options, { mesh, snapshot, list, naming, draft, tally, slices, signal });
    notes.push(...outcome.notes);
    derived.push(...outcome.changes);
  }
  const names = nameChanges([...changes, ...derived], {
    vipCidrs: options.naming.vipCidrs,
    gracePeriodMs: options.naming.settings.deletionGracePeriodMs,
    areTurnsKnown: naming.areTurnsKnown,
    isAtOnce: new Set(changes.map((each) => each.revision)).size < 2,
  });
  return { result, effects: tally.effects(revision, names, notes) };
}

interface MeshChange {
  readonly mesh: string;
  readonly snapshot: readonly (readonly Resource[])[];
  readonly list: readonly Change[];
  readonly naming: NamingConsequences;
  readonly draft: Store;
  readonly tally: Tally;
  readonly slices: Slices;
  readonly signal: AbortSignal;
}

async function foresee(options: PreviewsOptions, change: MeshChange): Promise<Derivation> {
  const { mesh, snapshot, list, naming, draft, tally, slices, signal } = change;
  const documents = snapshot.flatMap((each) => ofMesh(each, mesh));
  const derive = (facts: DataplaneFacts, haveFactsChanged = false): Promise<Derivation> => {
    const named = { mesh, documents, changes: list, draft, facts, haveFactsChanged, now: options.now() };
    return naming.derive(named, slices, signal);
  };
  // Most meshes may have no name of it: they need not be planned.
  const early = list.every(isOfGenerator) ? await derive(factsOf(options.world, options.naming)) : undefined;
  if (early?.changes.length === 0) return early;
  const world = options.world.sibling([mesh]);
  await populate(world, documents, slices, signal);
  const before = await stateOf(world.mesh(mesh), slices, signal);
  world.apply(list);
  const notes = await foreseeIdentities(world, mesh, draft, options);
  const derived = early ?? (await derive(factsOf(world, options.naming), notes.length > 0));
  world.apply(derived.changes);
  await slices.each(world.mesh(mesh).index.dataplaneNames(), signal, (name) => {
    if (!options.isConnected(mesh, name)) return;
    const presented = before.proxies.get(name)?.presents;
    for (const [secret, ids] of presentsOf(world.mesh(mesh), name)) {
      if (presented?.get(secret) !== ids) foreseeCertificate(world, mesh, name, secret);
    }
  });
  const after = await stateOf(world.mesh(mesh), slices, signal);
  const comparer = new PlanComparer();
  const names = [...new Set([...before.proxies.keys(), ...after.proxies.keys()])].sort();
  await slices.each(names, signal, (name) => {
    const [was, is] = [before.proxies.get(name), after.proxies.get(name)];
    const resources = changedResources(was?.config, is?.config);
    const changed =
      resources.length === 0 ? [] : comparer.changes(situated(was, before), situated(is, after));
    tally.proxy(mesh, name, resources, changed);
  });
  await slices.each(callersOf(before.parties, after.parties), signal, (caller) =>
    tally.access(accessChanges(mesh, caller, before.parties, after.parties)),
  );
  return { changes: derived.changes, notes: [...notes, ...derived.notes] };
}

async function shadowed(
  options: PreviewsOptions,
  mesh: string,
  dataplane: string,
  signal: AbortSignal,
): Promise<{ readonly current: ProxyConfig; readonly shadow: ProxyConfig } | undefined> {
  const current = options.world.mesh(mesh).config.at(dataplane).get();
  if (current === undefined) return undefined;
  const resources = options.types
    .flatMap((type) => ofMesh(options.store.list({ type }), mesh))
    .map((resource) => (options.isPolicy(resource.type) ? inForce(resource) : resource));
  const world = options.world.sibling([mesh]);
  await populate(world, resources, new Slices(options.monotonic, SLICE_MS), signal);
  const shadow = world.mesh(mesh).config.at(dataplane).get();
  return shadow && { current, shadow };
}

/** A shadow policy as if it were none. */
function inForce(policy: Resource): Resource {
  const { "kuma.io/effect": effect, ...labels } = policy.labels;
  return effect === "shadow" ? { ...policy, labels } : policy;
}

async function stateOf(world: MeshWorld, slices: Slices, signal: AbortSignal): Promise<MeshState> {
  const proxies = new Map<string, Proxy>();
  const endpoints = new Map<string, EndpointsPlan>();
  await slices.each([...world.index.dataplaneNames()].sort(), signal, (name) => {
    const plan = world.planner.plan.at(name).get();
    if (plan === undefined) return;
    proxies.set(name, { plan, config: world.config.at(name).get(), presents: presentsOf(world, name) });
    for (const { target } of plan.gateway === undefined ? plan.outbounds : plan.backends) {
      if (!endpoints.has(target)) endpoints.set(target, world.planner.endpoints.at(target).get());
    }
  });
  const plans = [...proxies.values()].map(({ plan }) => plan);
  return { proxies, endpoints, parties: partiesOf(world, plans) };
}

function situated(proxy: Proxy | undefined, { endpoints }: MeshState): SituatedPlan | undefined {
  if (proxy === undefined) return undefined;
  const none: EndpointsPlan = { localities: [] };
  return {
    plan: proxy.plan,
    endpoints: ({ target }) => endpoints.get(target) ?? none,
  };
}

function presentsOf(world: MeshWorld, dataplane: string): ReadonlyMap<string, string> {
  const { certificates } = world.planner.identity.at(dataplane).get();
  return new Map(
    certificates.flatMap(({ secrets, uris }) => secrets.map((secret) => [secret, uris.join(" ")] as const)),
  );
}

function ofMesh(documents: readonly Resource[], mesh: string): readonly Resource[] {
  return documents.filter((each) => (each.type === "Mesh" ? each.name : each.mesh) === mesh);
}

/** What naming asks about dataplanes, of a world. */
function factsOf(world: World, { connected }: NamingEnvironment): DataplaneFacts {
  const identity = ({ mesh, name }: Pick<Resource, "mesh" | "name">) =>
    world.mesh(mesh).planner.identity.at(name).get();
  return {
    connected,
    identitiesOf: (dataplane) => identity(dataplane).ids,
    acceptsTls: (dataplane) => identity(dataplane).acceptsTls,
  };
}

/**
 * Changes by the mesh that they concern; insights concern no proxy. A HostnameGenerator concerns all meshes.
 */
function meshesConcerned(changes: readonly Change[], draft: Store): ReadonlyMap<string, readonly Change[]> {
  const generators = changes.filter(isOfGenerator);
  const grouped = Map.groupBy(changes, ({ before, after }) => {
    const resource = after ?? before;
    if (resource === undefined || resource.type.endsWith("Insight")) return "";
    return resource.type === "Mesh" ? resource.name : resource.mesh;
  });
  grouped.delete("");
  if (generators.length > 0) {
    const meshes = draft.list({ type: "Mesh" }).map(({ name }) => name);
    for (const mesh of meshes) grouped.set(mesh, [...generators, ...(grouped.get(mesh) ?? [])]);
  }
  return grouped;
}

function isOfGenerator({ before, after }: Change): boolean {
  return (after ?? before)?.type === "HostnameGenerator";
}
