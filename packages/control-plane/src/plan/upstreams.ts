import {
  type BackendPlan,
  type BackendReference,
  concernsDestination,
  type DestinationKey,
  type DestinationPlan,
  type IdentityPlan,
  type Naming,
  type PolicyDefinition,
  type PolicyResource,
  type RouteIdentity,
  type UpstreamPlan,
} from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { Graph, Keyed, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { listKey, type PolicySet, policyList } from "../view/policy-set.ts";
import type { Destination } from "./destinations.ts";
import { Entries } from "./entries.ts";
import { externalPlan, type Machine } from "./external.ts";
import { Interned } from "./interned.ts";
import { backendTarget, type RoutedTraffic } from "./outbound-target.ts";

/**
 * A kind of caller: the policies that shape what it calls and the certificate it presents. All callers of one kind
 * reach a destination in the same way, so that is planned once.
 */
export interface CallerKind {
  readonly policies: PolicySet;
  readonly naming: Naming;
  readonly secrets: { readonly certificate: string; readonly validation: string } | undefined;
  /** What they say of their tags, while some policy of the mesh asks for it. */
  readonly tags: string | undefined;
  /** What matters only where something outside the mesh is called. */
  readonly machine: Machine;
  /** The external services that they may call, by name; absent where they may call all. */
  readonly mayLeaveTo: ReadonlySet<string> | undefined;
  /** The same for all kinds that differ in policies and machines only; with a name that is short in keys. */
  readonly group: { readonly id: string };
}

/** What is known of a caller. */
export interface CallerFacts
  extends Pick<CallerKind, "policies" | "naming" | "tags" | "machine" | "mayLeaveTo"> {
  readonly identity: IdentityPlan | undefined;
}

/** As of `policyList`. */
type PolicyList = readonly PolicyResource[];

const NO_POLICIES: PolicyList = [];

/** For destinations inside the mesh, where it does not matter. */
const ANY_MACHINE: Machine = { ipv6: true, systemCaPath: undefined };

function machineKey({ ipv6, systemCaPath }: Machine): string {
  return `${ipv6} ${systemCaPath ?? ""}`;
}

/** Why callers of a kind may not call what is outside the mesh. */
function refusalOf({ mayLeaveTo }: CallerKind, destination: DestinationPlan): string | undefined {
  if (destination.kind !== "MeshExternalService" || mayLeaveTo === undefined) return undefined;
  if (mayLeaveTo.has(destination.name)) return undefined;
  return `Mesh "${destination.mesh}" forbids external services by default (routing.defaultForbidMeshExternalServiceAccess), and no MeshTrafficPermission that selects this proxy allows it the sni ${destination.sni}`;
}

/**
 * What keeps callers of a kind from sending anything to a destination that is there, and that they may call. An egress
 * has to know who calls it.
 */
function problemOf({ secrets }: CallerKind, { plan, external }: Destination): string | undefined {
  if (external !== undefined) return external.problem;
  if (plan.kind !== "MeshExternalService" || secrets !== undefined) return undefined;
  return `Mesh "${plan.mesh}" is left through a zone egress (routing.zoneEgress), which takes mesh TLS only, and this proxy has no identity: a MeshIdentity has to select it`;
}

/**
 * Plans how kinds of callers reach destinations. Callers that differ in policies which do not matter to a destination
 * reach it in the same way, and what one kind of policy says is merged once for all callers of which it says the same.
 */
export class Upstreams {
  readonly #graph: Graph;
  readonly #view: MeshView;
  readonly #definitions: readonly PolicyDefinition[];
  readonly #kindsOfPolicy: readonly PolicyDefinition["kind"][];
  readonly #destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly #kinds = new Interned<CallerKind>();
  readonly #groups = new Interned<CallerKind["group"]>();
  #known = 0;
  readonly #concerning = new WeakMap<readonly PolicyResource[], WeakMap<DestinationPlan, PolicyList>>();
  /** By what of a kind of caller matters to the destination. */
  readonly #planned = new WeakMap<DestinationPlan, Keyed<string, UpstreamPlan | undefined>>();
  readonly #entries = new WeakMap<DestinationPlan, Entries>();

  constructor(
    graph: Graph,
    view: MeshView,
    definitions: readonly PolicyDefinition[],
    destination: { at(key: DestinationKey): Readable<Destination | undefined> },
  ) {
    this.#graph = graph;
    this.#view = view;
    this.#definitions = definitions;
    this.#kindsOfPolicy = definitions
      .filter(({ planOutbound }) => planOutbound !== undefined)
      .map(({ kind }) => kind);
    this.#destination = destination;
  }

  /** The kind of a caller; equal kinds are the same object. */
  kind({ policies, naming, identity, tags, machine, mayLeaveTo }: CallerFacts): CallerKind {
    const secrets =
      identity === undefined
        ? undefined
        : { certificate: identity.certificateSecret, validation: identity.validationSecret };
    const leaving = mayLeaveTo === undefined ? "" : ` may leave to ${[...mayLeaveTo].sort().join(",")}`;
    const group = this.#groups.get(
      `${naming} ${secrets?.certificate} ${secrets?.validation} ${tags ?? ""}${leaving}`,
      () => ({ id: (this.#known++).toString(36) }),
    );
    return this.#kinds.get(`${group.id} ${machineKey(machine)} ${policies.id}`, () => ({
      ...{ policies, naming, secrets, tags, machine, mayLeaveTo, group },
    }));
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
    const planned = getOrMake(this.#planned, destination, () => this.#graph.keyed());
    const machine = destination.kind === "MeshExternalService" ? kind.machine : ANY_MACHINE;
    const lists = this.#kindsOfPolicy.map(({ type }) => {
      const list = kind.policies.byKind.get(type);
      return list === undefined ? NO_POLICIES : this.#concerningOf(list, destination);
    });
    const id = `${kind.group.id} ${machineKey(machine)} ${lists.map(listKey).join(" ")}`;
    return planned
      .at(id, () => {
        const byKind = new Map(lists.map((list, at) => [this.#kindsOfPolicy[at]?.type ?? "", list] as const));
        return this.#plan({ ...kind, machine, policies: { id, byKind } }, key);
      })
      .get();
  }

  /** Without the policies that cannot matter to a destination. */
  #concerningOf(list: PolicyList, destination: DestinationPlan): PolicyList {
    const byDestination = getOrMake(this.#concerning, list, () => new WeakMap());
    let concerning = byDestination.get(destination);
    if (concerning === undefined) {
      const those = list.filter((each) => concernsDestination(each, destination));
      concerning = those.length === list.length ? list : policyList(those);
      byDestination.set(destination, concerning);
    }
    return concerning;
  }

  #plan(kind: CallerKind, key: DestinationKey): UpstreamPlan | undefined {
    const destination = this.#destination.at(key).get();
    if (destination === undefined) return undefined;
    const { plan, acceptsTls } = destination;
    const entries = this.#entriesOf(plan);
    const problem = problemOf(kind, destination);
    const external =
      problem === undefined
        ? destination.external
        : { endpoints: [], tls: undefined, ...destination.external, problem };
    const policies: Record<string, unknown> = {};
    const routes: RouteIdentity[] = [];
    let routesKey = "";
    const backends: Record<string, BackendPlan> = {};
    for (const definition of this.#definitions) {
      const type = definition.kind.type;
      const list = kind.policies.byKind.get(type) ?? NO_POLICIES;
      if (list.length === 0) continue;
      const entry = entries.of(definition, list, routes, routesKey);
      if (entry === undefined) continue;
      policies[type] = entry;
      const own = definition.routes?.(entry) ?? [];
      if (own.length > 0) {
        routes.push(...own);
        routesKey += ` ${listKey(list)}`;
      }
      for (const reference of definition.backendRefs?.(entry) ?? []) {
        backends[reference.key] = this.backend(kind, reference, plan);
      }
    }
    return {
      destination: plan,
      clusterName: clusterName(kind, plan),
      backends,
      tls:
        kind.secrets === undefined || !acceptsTls
          ? undefined
          : {
              certificateSecret: kind.secrets.certificate,
              validationSecret: kind.secrets.validation,
              sni: plan.sni,
              serverIds: plan.serverIds,
            },
      ...(external === undefined ? {} : { external: externalPlan(external, kind.machine) }),
      ...(kind.tags === undefined || plan.kind === "MeshExternalService" ? {} : { callerTags: kind.tags }),
      policies,
    };
  }

  /** What kinds of policy say of a destination; the same object for all who are told the same. */
  #entriesOf(destination: DestinationPlan): Entries {
    return getOrMake(this.#entries, destination, () => new Entries(destination));
  }

  /** Where a reference of a route leads callers of a kind. */
  backend(kind: CallerKind, reference: BackendReference, from: RoutedTraffic): BackendPlan {
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

function clusterName(kind: CallerKind, plan: DestinationPlan): string {
  return kind.naming === "unified" && plan.kind !== "ServiceTag" ? plan.kri : plan.legacyName;
}
