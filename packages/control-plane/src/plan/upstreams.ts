import type {
  BackendPlan,
  BackendReference,
  DestinationKey,
  DestinationPlan,
  IdentityPlan,
  Naming,
  PolicyDefinition,
  PolicyPlans,
  PolicyResource,
  RouteIdentity,
  UpstreamPlan,
} from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { Graph, Keyed, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { listKey, type PolicySet, policyList } from "../view/policy-set.ts";
import type { Destination } from "./destinations.ts";
import { type CommonEntries, Entries } from "./entries.ts";
import { externalPlan, type Machine } from "./external.ts";
import { Interned } from "./interned.ts";
import { backendTarget, type RoutedTraffic } from "./outbound-target.ts";
import { byStanding } from "./standing.ts";

/** What matters of a caller besides its policies. */
interface CallerTraits {
  readonly naming: Naming;
  readonly secrets: { readonly certificate: string; readonly validation: string } | undefined;
  /** What they say of their tags, while some policy of the mesh asks for it. */
  readonly tags: string | undefined;
  /** What matters only where something outside the mesh is called. */
  readonly machine: Machine;
  /** The external services that they may call, by name; absent where they may call all. */
  readonly mayLeaveTo: ReadonlySet<string> | undefined;
  /** The same for all that differ in policies and machines only; with a name that is short in keys. */
  readonly group: { readonly id: string };
}

/** Callers that differ in policies that stand alone, and in nothing else. */
interface CallerCore extends CallerTraits {
  /** Of each kind of policy that does not stand alone. */
  readonly lists: readonly PolicyList[];
  /** By which id their way to a destination is found, but for policies that stand alone; of a few destinations. */
  readonly ids: Map<DestinationKey, { readonly findings: Findings; readonly id: string }>;
}

/**
 * A kind of caller: the policies that shape what it calls and the certificate it presents. All callers of one kind
 * reach a destination in the same way, so that is planned once.
 */
export interface CallerKind extends CallerTraits {
  readonly policies: PolicySet;
  readonly core: CallerCore;
  /** Of each kind of policy that stands alone. */
  readonly alone: readonly PolicyList[];
}

/** What is known of a caller besides its policies. */
export interface CallerFacts extends Pick<CallerTraits, "naming" | "tags" | "machine" | "mayLeaveTo"> {
  readonly identity: IdentityPlan | undefined;
}

/** Callers that differ in policies, and in nothing else. */
export interface Caller {
  readonly traits: CallerTraits;
  readonly kinds: WeakMap<PolicySet, CallerKind>;
  readonly cores: Interned<CallerCore>;
}

/** Lists of policies that stand alone, of each kind one; the same object for equal lists, for as long as these are there. */
interface Saying {
  readonly lists: readonly PolicyList[];
  /** With one more list. */
  readonly next: WeakMap<PolicyList, Saying>;
  /** What they say of every destination, once that is known; absent where it is not the same of all. */
  said: PolicyPlans | undefined;
}

/** What is found out about a destination. */
interface Findings {
  /** What kinds of policy say of it; the same object for all who are told the same. */
  readonly entries: Entries;
  /** By what of a caller matters to it. */
  readonly cores: Keyed<string, Core | undefined>;
}

/** A way to a destination but for policies that stand alone, and the ways that come of it with these. */
interface Core {
  readonly plan: UpstreamPlan;
  readonly findings: Findings;
  readonly routes: readonly RouteIdentity[];
  /** Tells which policies the routes are from. */
  readonly routesKey: string;
  readonly ways: WeakMap<Saying, UpstreamPlan>;
}

/** As of `policyList`. */
type PolicyList = readonly PolicyResource[];

const NO_POLICIES: PolicyList = policyList([]);

/** Destinations of which a caller remembers how it reaches them. */
const MOST_IDS = 32;

/** For destinations inside the mesh, where it does not matter. */
const ANY_MACHINE: Machine = { ipv6: true, systemCaPath: undefined };

function machineKey({ ipv6, systemCaPath }: Machine): string {
  return `${ipv6} ${systemCaPath ?? ""}`;
}

/** Why callers of a kind may not call what is outside the mesh. */
function refusalOf({ mayLeaveTo }: CallerTraits, destination: DestinationPlan): string | undefined {
  if (destination.kind !== "MeshExternalService" || mayLeaveTo === undefined) return undefined;
  if (mayLeaveTo.has(destination.name)) return undefined;
  return `Mesh "${destination.mesh}" forbids external services by default (routing.defaultForbidMeshExternalServiceAccess), and no MeshTrafficPermission that selects this proxy allows it the sni ${destination.sni}`;
}

/**
 * What keeps callers of a kind from sending anything to a destination that is there, and that they may call. An egress
 * has to know who calls it.
 */
function problemOf({ secrets }: CallerTraits, { plan, external }: Destination): string | undefined {
  if (external !== undefined) return external.problem;
  if (plan.kind !== "MeshExternalService" || secrets !== undefined) return undefined;
  return `Mesh "${plan.mesh}" is left through a zone egress (routing.zoneEgress), which takes mesh TLS only, and this proxy has no identity: a MeshIdentity has to select it`;
}

/**
 * Plans how kinds of callers reach destinations. Callers that differ in policies which do not matter to a destination
 * reach it in the same way, and what one kind of policy says is merged once for all callers of which it says the same.
 * A change of a policy that stands alone plans nothing else again.
 */
export class Upstreams {
  readonly #graph: Graph;
  readonly #view: MeshView;
  readonly #together: readonly PolicyDefinition[];
  readonly #alone: readonly PolicyDefinition[];
  readonly #destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly #callers = new Interned<Caller>();
  readonly #groups = new Interned<CallerKind["group"]>();
  #known = 0;
  readonly #nothing: Saying = { lists: [], next: new WeakMap(), said: undefined };
  readonly #findings = new WeakMap<DestinationPlan, Findings>();
  readonly #common: CommonEntries = new WeakMap();

  constructor(
    graph: Graph,
    view: MeshView,
    definitions: readonly PolicyDefinition[],
    destination: { at(key: DestinationKey): Readable<Destination | undefined> },
  ) {
    this.#graph = graph;
    this.#view = view;
    const { alone, together } = byStanding(
      definitions.filter(({ planOutbound }) => planOutbound !== undefined),
    );
    this.#alone = alone;
    this.#together = together;
    this.#destination = destination;
  }

  /** What a caller is besides its policies; the same object for all that are alike. */
  caller({ naming, identity, tags, machine, mayLeaveTo }: CallerFacts): Caller {
    const secrets =
      identity === undefined
        ? undefined
        : { certificate: identity.certificateSecret, validation: identity.validationSecret };
    const leaving = mayLeaveTo === undefined ? "" : ` may leave to ${[...mayLeaveTo].sort().join(",")}`;
    const group = this.#groups.get(
      `${naming} ${secrets?.certificate} ${secrets?.validation} ${tags ?? ""}${leaving}`,
      () => ({ id: (this.#known++).toString(36) }),
    );
    return this.#callers.get(`${group.id} ${machineKey(machine)}`, () => ({
      traits: { naming, secrets, tags, machine, mayLeaveTo, group },
      ...{ kinds: new WeakMap(), cores: new Interned() },
    }));
  }

  /** The kind of a caller with these policies; equal kinds are the same object. */
  kind({ traits, kinds, cores }: Caller, policies: PolicySet): CallerKind {
    return getOrMake(kinds, policies, () => {
      const lists = listsOf(policies, this.#together);
      const core = cores.get(lists.map(listKey).join(" "), () => ({ ...traits, lists, ids: new Map() }));
      return { ...traits, policies, core, alone: listsOf(policies, this.#alone) };
    });
  }

  /** Why callers of a kind get no way to a destination that is there; `undefined` where they get one. */
  refusal(kind: CallerKind, key: DestinationKey): string | undefined {
    const destination = this.#destination.at(key).get()?.plan;
    return destination === undefined ? undefined : refusalOf(kind, destination);
  }

  /** How a kind of caller reaches a destination; `undefined` where there is no such destination, or none for it. */
  plan(kind: CallerKind, key: DestinationKey): UpstreamPlan | undefined {
    const destination = this.#destination.at(key).get()?.plan;
    if (destination === undefined || refusalOf(kind, destination) !== undefined) return undefined;
    const core = this.#core(kind.core, destination, key);
    return core && this.#way(core, kind.alone);
  }

  #core(caller: CallerCore, destination: DestinationPlan, key: DestinationKey): Core | undefined {
    const machine = destination.kind === "MeshExternalService" ? caller.machine : ANY_MACHINE;
    const findings = this.#findingsOf(destination);
    const known = caller.ids.get(key);
    let id = known?.findings === findings ? known.id : undefined;
    if (id === undefined) {
      const lists = findings.entries.concerning(caller.lists);
      id = `${caller.group.id} ${machineKey(machine)} ${lists.map(listKey).join(" ")}`;
      // A thousand callers that may call a thousand destinations would be a million ids.
      if (known !== undefined || caller.ids.size < MOST_IDS) caller.ids.set(key, { findings, id });
    }
    const { cores, entries } = findings;
    return cores
      .at(id, () => this.#planCore({ ...caller, machine, lists: entries.concerning(caller.lists) }, key))
      .get();
  }

  /** With what policies that stand alone say of it: they look at nothing that changes while the core is the same. */
  #way(core: Core, alone: readonly PolicyList[]): UpstreamPlan {
    const { plan, findings, ways } = core;
    let saying = this.#nothing;
    let isSilent = true;
    for (const all of alone) {
      const list = findings.entries.concerningOf(all);
      if (list.length > 0) isSilent = false;
      saying = saying.next.get(list) ?? and(saying, list);
    }
    if (isSilent) return plan;
    let way = ways.get(saying);
    if (way === undefined) {
      const said = saying.said ?? this.#saidOf(core, saying);
      way = { ...plan, policies: { ...plan.policies, ...said }, core: plan, said };
      ways.set(saying, way);
    }
    return way;
  }

  #saidOf({ findings: { entries }, routes, routesKey }: Core, saying: Saying): PolicyPlans {
    const said: Record<string, object> = {};
    let isCommon = true;
    for (const [at, definition] of this.#alone.entries()) {
      const list = saying.lists[at] ?? NO_POLICIES;
      if (list.length === 0) continue;
      const entry = entries.of(definition, list, routes, routesKey);
      if (entry !== undefined) said[definition.kind.type] = entry;
      isCommon &&= this.#common.has(list);
    }
    if (isCommon) saying.said = said;
    return said;
  }

  #findingsOf(destination: DestinationPlan): Findings {
    return getOrMake(this.#findings, destination, () => ({
      entries: new Entries(destination, this.#common),
      cores: this.#graph.keyed(),
    }));
  }

  #planCore(caller: CallerCore, key: DestinationKey): Core | undefined {
    const destination = this.#destination.at(key).get();
    if (destination === undefined) return undefined;
    const { plan, acceptsTls } = destination;
    const findings = this.#findingsOf(plan);
    const problem = problemOf(caller, destination);
    const external =
      problem === undefined
        ? destination.external
        : { endpoints: [], tls: undefined, ...destination.external, problem };
    const policies: Record<string, unknown> = {};
    const routes: RouteIdentity[] = [];
    let routesKey = "";
    const backends: Record<string, BackendPlan> = {};
    for (const [at, definition] of this.#together.entries()) {
      const list = caller.lists[at] ?? NO_POLICIES;
      if (list.length === 0) continue;
      const entry = findings.entries.of(definition, list, routes, routesKey);
      if (entry === undefined) continue;
      policies[definition.kind.type] = entry;
      const own = definition.routes?.(entry) ?? [];
      if (own.length > 0) {
        routes.push(...own);
        routesKey += ` ${listKey(list)}`;
      }
      for (const reference of definition.backendRefs?.(entry) ?? []) {
        backends[reference.key] = this.backend(caller, reference, plan);
      }
    }
    const { secrets, tags, machine } = caller;
    const way: UpstreamPlan = {
      destination: plan,
      clusterName: clusterName(caller, plan),
      backends,
      tls:
        secrets === undefined || !acceptsTls
          ? undefined
          : {
              certificateSecret: secrets.certificate,
              validationSecret: secrets.validation,
              sni: plan.sni,
              serverIds: plan.serverIds,
            },
      ...(external === undefined ? {} : { external: externalPlan(external, machine) }),
      ...(tags === undefined || plan.kind === "MeshExternalService" ? {} : { callerTags: tags }),
      policies,
    };
    return { plan: way, findings, routes, routesKey, ways: new WeakMap() };
  }

  /** Where a reference of a route leads callers of a kind. */
  backend(kind: CallerTraits, reference: BackendReference, from: RoutedTraffic): BackendPlan {
    const target = backendTarget(this.#view, reference, from);
    if (!target.ok) return { kind: "unresolved", problem: target.error };
    const found = this.#destination.at(target.value).get();
    if (found === undefined) {
      return { kind: "unresolved", problem: `there is no destination ${target.value}` };
    }
    const destination = found.plan;
    const problem = refusalOf(kind, destination) ?? problemOf(kind, found);
    if (problem !== undefined) return { kind: "unresolved", problem };
    // Requests need a backend that takes requests; bytes can go anywhere.
    if (from.protocol !== "tcp" && destination.protocol === "tcp") {
      return {
        kind: "unresolved",
        problem: `${destination.kind} "${destination.name}" speaks tcp on port ${destination.port}, so no requests can be sent to it: set ${destination.kind === "MeshExternalService" ? "match.protocol" : "appProtocol on that port"}`,
      };
    }
    return {
      kind: "resolved",
      target: target.value,
      destination,
      clusterName: clusterName(kind, destination),
    };
  }
}

function listsOf({ byKind }: PolicySet, definitions: readonly PolicyDefinition[]): readonly PolicyList[] {
  return definitions.map(({ kind }) => byKind.get(kind.type) ?? NO_POLICIES);
}

function and({ lists, next }: Saying, list: PolicyList): Saying {
  const saying: Saying = { lists: [...lists, list], next: new WeakMap(), said: undefined };
  next.set(list, saying);
  return saying;
}

function clusterName(kind: CallerTraits, plan: DestinationPlan): string {
  return kind.naming === "unified" && plan.kind !== "ServiceTag" ? plan.kri : plan.legacyName;
}
