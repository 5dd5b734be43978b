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
import type { Family, Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { type PolicySet, policyKey } from "../view/policy-set.ts";
import type { Destination } from "./destinations.ts";
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
  /** The same for all kinds that differ in policies and machines only. */
  readonly key: string;
}

/** What is known of a caller. */
export interface CallerFacts
  extends Pick<CallerKind, "policies" | "naming" | "tags" | "machine" | "mayLeaveTo"> {
  readonly identity: IdentityPlan | undefined;
}

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
  readonly #destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly #kinds = new Interned<CallerKind>();
  readonly #plans = new WeakMap<CallerKind, Family<DestinationKey, UpstreamPlan | undefined>>();
  readonly #narrowed = new Interned<CallerKind>();
  readonly #planned = new WeakMap<CallerKind, Family<DestinationKey, UpstreamPlan | undefined>>();
  readonly #entries = new WeakMap<DestinationPlan, Interned<object>>();

  constructor(
    graph: Graph,
    view: MeshView,
    definitions: readonly PolicyDefinition[],
    destination: { at(key: DestinationKey): Readable<Destination | undefined> },
  ) {
    this.#graph = graph;
    this.#view = view;
    this.#definitions = definitions;
    this.#destination = destination;
  }

  /** The kind of a caller; equal kinds are the same object. */
  kind({ policies, naming, identity, tags, machine, mayLeaveTo }: CallerFacts): CallerKind {
    const secrets =
      identity === undefined
        ? undefined
        : { certificate: identity.certificateSecret, validation: identity.validationSecret };
    const leaving = mayLeaveTo === undefined ? "" : ` may leave to ${[...mayLeaveTo].sort().join(",")}`;
    const key = `${naming} ${secrets?.certificate} ${secrets?.validation} ${tags ?? ""}${leaving}`;
    return this.#kinds.get(`${key} ${machineKey(machine)} ${policies.id}`, () => ({
      ...{ policies, naming, secrets, tags, machine, mayLeaveTo, key },
    }));
  }

  /** Why callers of a kind get no way to a destination that is there; `undefined` where they get one. */
  refusal(kind: CallerKind, key: DestinationKey): string | undefined {
    const destination = this.#destination.at(key).get()?.plan;
    return destination === undefined ? undefined : refusalOf(kind, destination);
  }

  /**
   * How a kind of caller reaches a destination; `undefined` where there is no such destination, or none for it.
   */
  plan(kind: CallerKind, key: DestinationKey): Readable<UpstreamPlan | undefined> {
    return this.#family(this.#plans, kind, (destination) => {
      const found = this.#destination.at(destination).get();
      if (found === undefined || refusalOf(kind, found.plan) !== undefined) return undefined;
      const narrowed = this.#narrow(kind, found.plan);
      return this.#family(this.#planned, narrowed, (each) => this.#plan(narrowed, each))
        .at(destination)
        .get();
    }).at(key);
  }

  #family(
    families: WeakMap<CallerKind, Family<DestinationKey, UpstreamPlan | undefined>>,
    kind: CallerKind,
    compute: (key: DestinationKey) => UpstreamPlan | undefined,
  ): Family<DestinationKey, UpstreamPlan | undefined> {
    let family = families.get(kind);
    if (family === undefined) {
      family = this.#graph.family(compute);
      families.set(kind, family);
    }
    return family;
  }

  /** The kind without the policies that cannot matter to a destination. */
  #narrow(kind: CallerKind, destination: DestinationPlan): CallerKind {
    const byKind = new Map<string, readonly PolicyResource[]>();
    const parts: string[] = [];
    for (const {
      planOutbound,
      kind: { type },
    } of this.#definitions) {
      if (planOutbound === undefined) continue;
      const list =
        kind.policies.byKind.get(type)?.filter((each) => concernsDestination(each, destination)) ?? [];
      if (list.length === 0) continue;
      byKind.set(type, list);
      for (const policy of list) parts.push(policyKey(policy));
    }
    const id = parts.join(" ");
    const machine = destination.kind === "MeshExternalService" ? kind.machine : ANY_MACHINE;
    return this.#narrowed.get(`${kind.key} ${machineKey(machine)} ${id}`, () => ({
      ...kind,
      machine,
      policies: { id, byKind },
    }));
  }

  #plan(kind: CallerKind, key: DestinationKey): UpstreamPlan | undefined {
    const destination = this.#destination.at(key).get();
    if (destination === undefined) return undefined;
    const { plan, acceptsTls } = destination;
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
      const list = kind.policies.byKind.get(type) ?? [];
      if (list.length === 0) continue;
      const entryKey = list.map(policyKey).join(" ");
      const entry = this.#entry(plan, `${entryKey} ${routesKey}`, () =>
        definition.planOutbound?.({ policies: list, destination: plan, routes: [...routes] }),
      );
      if (entry === undefined) continue;
      policies[type] = entry;
      const own = definition.routes?.(entry) ?? [];
      if (own.length > 0) {
        routes.push(...own);
        routesKey += ` ${entryKey}`;
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

  /** What one kind of policy says of a destination; the same object for all who are told the same. */
  #entry(destination: DestinationPlan, key: string, make: () => unknown): object | undefined {
    let entries = this.#entries.get(destination);
    if (entries === undefined) {
      entries = new Interned();
      this.#entries.set(destination, entries);
    }
    return entries.get(key, () => make() as object | undefined);
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
