import type { NewResource, Resource } from "@skein/model";
import type { OutboundPlan } from "@skein/policies";
import type { EndpointsPlan, ProxyPlan } from "@skein/policies/plan/proxy-plan";
import { Slices } from "../pipeline/slices.ts";
import { warningsFor } from "../pipeline/warnings.ts";
import type { MeshWorld, World } from "../pipeline/world.ts";
import { DraftStore } from "../store/draft.ts";
import type { Change, Store, Write } from "../store/store.ts";
import type { ProxyConfig } from "../xds/fragment.ts";
import { accessChanges, callersOf, type Parties, partiesOf } from "./access-change.ts";
import { changedResources } from "./config-change.ts";
import { foreseeCertificate, foreseeIdentities, type IdentityEnvironment } from "./identity-consequences.ts";
import { PlanComparer, type SituatedPlan } from "./plan-change.ts";
import { populate } from "./populate.ts";
import { type Draft, type Previews, PreviewsBusy } from "./port.ts";
import { type Effects, LIMITS, type Limits } from "./report.ts";
import { Tally } from "./tally.ts";

export interface PreviewsOptions extends IdentityEnvironment {
  readonly world: World;
  readonly store: Store;
  /** Types of all kinds. */
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
  const snapshot = types.map((type) => store.list({ type }));
  const filling = new DraftStore(revision, now);
  for (const documents of snapshot) {
    await slices.each(documents, signal, (document) => filling.add(document));
  }
  const draft = filling.open();
  const changes: Change[] = [];
  draft.watch((list) => changes.push(...list));
  const result = await change({
    store: draft,
    warnings: (written) => warningsFor(written, draft, isPolicy),
    onMeshWritten: (mesh, before) => onMeshWritten(draft, mesh, before),
  });
  const tally = new Tally(options.limits ?? LIMITS);
  const notes: string[] = [];
  for (const [mesh, list] of byMesh(changes)) {
    notes.push(...(await foresee(options, { mesh, snapshot, list, draft, tally, slices, signal })));
  }
  return { result, effects: tally.effects(revision, notes) };
}

interface MeshChange {
  readonly mesh: string;
  readonly snapshot: readonly (readonly Resource[])[];
  readonly list: readonly Change[];
  readonly draft: Store;
  readonly tally: Tally;
  readonly slices: Slices;
  readonly signal: AbortSignal;
}

async function foresee(options: PreviewsOptions, change: MeshChange): Promise<readonly string[]> {
  const { mesh, snapshot, list, draft, tally, slices, signal } = change;
  const world = options.world.sibling([mesh]);
  await populate(
    world,
    snapshot.flatMap((documents) => ofMesh(documents, mesh)),
    slices,
    signal,
  );
  const before = await stateOf(world.mesh(mesh), slices, signal);
  world.apply(list);
  const notes = await foreseeIdentities(world, mesh, draft, options);
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
  return notes;
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
    for (const { target } of plan.outbounds) {
      if (!endpoints.has(target)) endpoints.set(target, world.planner.endpoints.at(target).get());
    }
  });
  return { proxies, endpoints, parties: partiesOf([...proxies.values()].map(({ plan }) => plan)) };
}

function situated(proxy: Proxy | undefined, { endpoints }: MeshState): SituatedPlan | undefined {
  if (proxy === undefined) return undefined;
  const none: EndpointsPlan = { localities: [] };
  return {
    plan: proxy.plan,
    endpoints: ({ target }: OutboundPlan) => endpoints.get(target) ?? none,
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

/** Changes by the mesh that they are in; insights concern no proxy. */
function byMesh(changes: readonly Change[]): ReadonlyMap<string, readonly Change[]> {
  const grouped = Map.groupBy(changes, ({ before, after }) => {
    const resource = after ?? before;
    if (resource === undefined || resource.type.endsWith("Insight")) return "";
    return resource.type === "Mesh" ? resource.name : resource.mesh;
  });
  grouped.delete("");
  return grouped;
}
