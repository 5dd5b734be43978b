import { bindAddress, type DataplaneResource } from "@skein/model";
import type {
  DestinationPlan,
  EgressChainPlan,
  EgressPlan,
  IdentityPlan,
  InboundTlsPlan,
  PlanCondition,
  PolicyDefinition,
  PolicyPlans,
} from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import type { PolicySet } from "../view/policy-set.ts";
import { sameItems } from "../view/same-items.ts";
import { egressListeners, sectionOf } from "../view/selectable.ts";
import { type ExternalDestination, externalPlan, type Machine } from "./external.ts";
import { Interned } from "./interned.ts";
import { notServing, withoutIdentity } from "./zone-egresses.ts";

/** An external service as an egress calls it. */
export interface OutsideService {
  readonly plan: DestinationPlan;
  readonly external: ExternalDestination;
}

export interface EgressesInputs {
  readonly view: Pick<MeshView, "mesh" | "externalServices">;
  readonly meshName: string;
  readonly definitions: readonly PolicyDefinition[];
  readonly outside: { at(service: string): Readable<OutsideService | undefined> };
}

/** A proxy with listeners by which others leave the mesh. */
export interface EgressProxy {
  readonly dataplane: DataplaneResource;
  readonly kriOf: (section: string) => string;
  readonly identity: IdentityPlan | undefined;
  readonly tls: InboundTlsPlan | undefined;
  readonly machine: Machine;
  /** What the policies that select a listener say of it. */
  readonly policies: (section: string) => PolicySet;
  /** Names of clusters that the proxy has for calls of its own. */
  readonly taken: () => Iterable<string>;
}

/** What comes of the listeners of a proxy. */
export interface PlannedEgresses {
  readonly listeners: readonly EgressPlan[];
  readonly conditions: readonly PlanCondition[];
}

/**
 * Plans listeners by which others leave the mesh. They serve whether the mesh has to be left by them or not, so that
 * `routing.zoneEgress` can be switched under traffic.
 */
export class Egresses {
  readonly #inputs: EgressesInputs;
  readonly #services: Readable<readonly OutsideService[]>;
  readonly #chains = new WeakMap<OutsideService, Interned<EgressChainPlan>>();

  constructor(graph: Graph, inputs: EgressesInputs) {
    this.#inputs = inputs;
    this.#services = graph.derived(
      () =>
        inputs.view.externalServices.names
          .get()
          .flatMap((name) => inputs.outside.at(name).get() ?? [])
          .filter(({ external }) => external.endpoints.length > 0)
          .sort((a, b) => (a.plan.kri < b.plan.kri ? -1 : 1)),
      sameItems,
    );
  }

  /** The listeners of a proxy, and what somebody should know of them. */
  of(proxy: EgressProxy): PlannedEgresses {
    const { dataplane, identity, tls, kriOf } = proxy;
    const own = egressListeners(dataplane);
    if (own.length === 0) return NONE;
    const why = notServing(this.#inputs.view, this.#inputs.meshName) ?? withoutIdentity(identity);
    if (why !== undefined || tls === undefined) {
      const message = `ZoneEgress listener ${own.map(sectionOf).join(", ")}: nothing listens: ${why ?? "it has no certificate"}`;
      return { listeners: [], conditions: [{ type: "EgressNotServing", message }] };
    }
    const taken = new Set(proxy.taken());
    const listeners = own.map((listener): EgressPlan => {
      const section = sectionOf(listener);
      const listenerName = `self_zoneegress_dp_${section}`;
      const policies = proxy.policies(section);
      const chains = this.#services
        .get()
        .map((service) => this.#chain(service, proxy, tls, policies, listenerName, taken));
      for (const { clusterName } of chains) taken.add(clusterName);
      return {
        ...{ section, kri: kriOf(section), listenerName, chains },
        address: bindAddress(listener, dataplane.spec.networking ?? {}),
        port: listener.port,
      };
    });
    const conditions = [
      ...conditionsOf(listeners[0]?.chains ?? []),
      ...listeners.flatMap(({ section }) => this.#withoutEffect(section, proxy.policies(section))),
    ];
    return { listeners, conditions };
  }

  #chain(
    service: OutsideService,
    { machine }: EgressProxy,
    tls: InboundTlsPlan,
    policies: PolicySet,
    listenerName: string,
    taken: ReadonlySet<string>,
  ): EgressChainPlan {
    const { plan, external } = service;
    const ownName = `${listenerName}_${plan.kri}`;
    // What the proxy calls itself, and what another of its listeners leads to, is reached in another way.
    const clusterName = taken.has(plan.kri) ? ownName : plan.kri;
    const made = getOrMake(this.#chains, service, () => new Interned());
    const key = JSON.stringify([tls, machine, clusterName, ownName, policies.id]);
    return made.get(key, () => ({
      destination: plan,
      protocol: plan.protocol,
      clusterName,
      routeName: ownName,
      virtualHost: plan.kri,
      statPrefix: plan.kri,
      tls,
      external: externalPlan(external, machine),
      policies: this.#policies(plan, policies),
    }));
  }

  #withoutEffect(section: string, set: PolicySet): readonly PlanCondition[] {
    return this.#inputs.definitions
      .filter(({ atEgresses }) => atEgresses === false)
      .flatMap(({ kind: { type } }) => set.byKind.get(type) ?? [])
      .map(({ type, name }) => ({
        type: "NoEffectAtEgress",
        message: `${type} "${name}" has no effect at ZoneEgress listener ${section}: it is about inbounds`,
      }));
  }

  /** Of policies, an egress is a listener like any other; callers are known by their SPIFFE ids, and by nothing else. */
  #policies(destination: DestinationPlan, set: PolicySet): PolicyPlans {
    const plans: Record<string, unknown> = {};
    for (const definition of this.#inputs.definitions) {
      if (definition.atEgresses === false) continue;
      const entry = definition.planInbound?.({
        policies: set.byKind.get(definition.kind.type) ?? [],
        mesh: this.#inputs.meshName,
        protocol: destination.protocol,
        service: destination.name,
        callers: "identity",
      });
      if (entry !== undefined) plans[definition.kind.type] = entry;
    }
    return plans;
  }
}

const NONE: PlannedEgresses = { listeners: [], conditions: [] };

function conditionsOf(chains: readonly EgressChainPlan[]): readonly PlanCondition[] {
  return chains.flatMap(({ external: { problem, warning } }) => [
    ...(problem === undefined ? [] : [{ type: "UnavailableDestination", message: problem }]),
    ...(warning === undefined ? [] : [{ type: "OutdatedSecret", message: warning }]),
  ]);
}
