import type {
  BackendPlan,
  BackendReference,
  DestinationKey,
  DestinationPlan,
  IdentityPlan,
  Naming,
  PolicyDefinition,
  RouteIdentity,
  UpstreamPlan,
} from "@skein/policies";
import type { Family, Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import type { PolicySet } from "../view/policy-set.ts";
import type { Destination } from "./destinations.ts";
import { Interned } from "./interned.ts";
import { backendTarget } from "./outbound-target.ts";

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
}

/** Plans how kinds of callers reach destinations. */
export class Upstreams {
  readonly #graph: Graph;
  readonly #view: MeshView;
  readonly #definitions: readonly PolicyDefinition[];
  readonly #destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly #kinds = new Interned<CallerKind>();
  readonly #plans = new WeakMap<CallerKind, Family<DestinationKey, UpstreamPlan | undefined>>();

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
  kind(
    policies: PolicySet,
    naming: Naming,
    identity: IdentityPlan | undefined,
    tags: string | undefined,
  ): CallerKind {
    const secrets =
      identity === undefined
        ? undefined
        : { certificate: identity.certificateSecret, validation: identity.validationSecret };
    const key = `${naming} ${secrets?.certificate} ${secrets?.validation} ${tags ?? ""} ${policies.id}`;
    return this.#kinds.get(key, () => ({ policies, naming, secrets, tags }));
  }

  /** How a kind of caller reaches a destination; `undefined` where there is no such destination. */
  plan(kind: CallerKind, key: DestinationKey): Readable<UpstreamPlan | undefined> {
    let plans = this.#plans.get(kind);
    if (plans === undefined) {
      plans = this.#graph.family<DestinationKey, UpstreamPlan | undefined>((destination) =>
        this.#plan(kind, destination),
      );
      this.#plans.set(kind, plans);
    }
    return plans.at(key);
  }

  #plan(kind: CallerKind, key: DestinationKey): UpstreamPlan | undefined {
    const destination = this.#destination.at(key).get();
    if (destination === undefined) return undefined;
    const { plan, acceptsTls } = destination;
    const policies: Record<string, unknown> = {};
    const routes: RouteIdentity[] = [];
    const backends: Record<string, BackendPlan> = {};
    for (const definition of this.#definitions) {
      const type = definition.kind.type;
      const entry = definition.planOutbound?.({
        policies: kind.policies.byKind.get(type) ?? [],
        destination: plan,
        routes,
      });
      if (entry === undefined) continue;
      policies[type] = entry;
      routes.push(...(definition.routes?.(entry) ?? []));
      for (const reference of definition.backendRefs?.(entry) ?? []) {
        backends[reference.key] = this.#backend(kind, reference, plan);
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
      ...(kind.tags === undefined ? {} : { callerTags: kind.tags }),
      policies,
    };
  }

  #backend(kind: CallerKind, reference: BackendReference, from: DestinationPlan): BackendPlan {
    const target = backendTarget(this.#view, reference, from);
    if (!target.ok) return { kind: "unresolved", problem: target.error };
    const destination = this.#destination.at(target.value).get()?.plan;
    if (destination === undefined) {
      return { kind: "unresolved", problem: `there is no destination ${target.value}` };
    }
    // Requests need a backend that takes requests; bytes can go anywhere.
    if (from.protocol !== "tcp" && destination.protocol === "tcp") {
      return {
        kind: "unresolved",
        problem: `${destination.kind} "${destination.name}" speaks tcp on port ${destination.port}, so no requests can be sent to it: set appProtocol on that port`,
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
