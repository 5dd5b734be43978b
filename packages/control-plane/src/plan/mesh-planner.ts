import type { Resource } from "@skein/model";
import type {
  DestinationKey,
  DirectAccessPlan,
  DnsPlan,
  Naming,
  OutboundPlan,
  PlanCondition,
  PolicyDefinition,
  ProxyPlan,
} from "@skein/policies";
import { getOrMake } from "../get-or-make.ts";
import type { Outcome } from "../identity/outcome.ts";
import { isBuiltinGateway } from "../view/gateways.ts";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { sameItems } from "../view/same-items.ts";
import { type Destination, destinations, endpoints } from "./destinations.ts";
import { DirectAccess } from "./direct-access.ts";
import { Egresses, type OutsideService } from "./egress.ts";
import { EndpointViews } from "./endpoint-views.ts";
import { outsideService } from "./external.ts";
import { GatewayUpstreams } from "./gateways/clusters.ts";
import { Gateways } from "./gateways/gateways.ts";
import {
  type DataplaneIdentity,
  dataplaneIdentities,
  type IdentityStage,
  trustDomains,
} from "./identities.ts";
import { Interned } from "./interned.ts";
import { MeshNames } from "./mesh-names.ts";
import type { NodeFacts } from "./node-facts.ts";
import { type ProxyOutbounds, reachability, sameProxyOutbounds } from "./outbounds/reachability.ts";
import { ProxyContexts } from "./proxies/context.ts";
import { Inbounds } from "./proxies/inbounds.ts";
import { quietPlans } from "./proxies/quiet.ts";
import { peerTls } from "./proxies/tls.ts";
import { sameDeep } from "./same-deep.ts";
import { redirectOf } from "./transparent.ts";
import { type Caller, Upstreams } from "./upstreams.ts";
import { zoneEgresses } from "./zone-egresses.ts";

export interface MeshPlannerInputs {
  readonly view: MeshView;
  readonly meshName: string;
  readonly zone: string;
  readonly definitions: readonly PolicyDefinition[];
  /** Transparent proxies that list nothing get what MeshTrafficPermissions let them call. */
  readonly autoReachable: boolean;
  /** Port at which every service tag answers at its address. */
  readonly serviceVipPort: number;
  readonly stage: { at(issuer: string): Readable<IdentityStage | undefined> };
  /** What each proxy said of itself; `UNKNOWN_NODE` while it is not connected. */
  readonly node: { at(dataplane: string): Readable<NodeFacts> };
  /** The text of a secret as it is stored, or why it cannot be read. */
  readonly openSecret: (secret: Resource) => Outcome<string, string>;
}

/** The plans of one mesh, each evaluated when it is asked for and kept until something it read changes. */
export interface MeshPlanner {
  readonly plan: { at(dataplane: string): Readable<ProxyPlan | undefined> };
  /** The calls of each plan, with what they have in common with those of others. */
  readonly outbounds: { at(dataplane: string): Readable<ProxyOutbounds> };
  readonly endpoints: EndpointViews;
  readonly destination: { at(key: DestinationKey): Readable<Destination | undefined> };
  readonly identity: { at(dataplane: string): Readable<DataplaneIdentity> };
}

/** Wires the derivations of one mesh. Free of I/O, clocks and randomness. */
export function meshPlanner(graph: Graph, inputs: MeshPlannerInputs): MeshPlanner {
  const { view, meshName, zone, definitions, node, openSecret } = inputs;
  const identity = dataplaneIdentities(graph, inputs);
  const outside = graph.family<string, OutsideService | undefined>(
    (name) => outsideService(inputs, name),
    sameDeep,
  );
  const egresses = zoneEgresses(graph, { view, meshName, identity });
  const places = { view, meshName, zone, identity, openSecret, egresses, outside };
  const destination = destinations(graph, places);
  const instances = endpoints(graph, places);
  const egressPlans = new Egresses(graph, { view, meshName, definitions, outside });
  const endpointViews = new EndpointViews(graph, instances, zone);
  const upstreams = new Upstreams(graph, view, definitions, destination);
  const gateways = new Gateways(
    { view, meshName, zone, definitions, openSecret },
    new GatewayUpstreams(upstreams, destination),
  );
  const domains = graph.derived(() => trustDomains(view, meshName), sameItems);
  const directAccess = new DirectAccess(graph, view, identity);
  const names = new MeshNames(graph, view);
  const dnsPlans = new WeakMap<DnsPlan["records"], Interned<DnsPlan>>();
  const contexts = new ProxyContexts(graph, { view, meshName, node, identity });
  const inbounds = new Inbounds(graph, { view, meshName, definitions, node, contexts, domains });

  const reachable = reachability(graph, {
    view,
    identity,
    destination,
    inbounds: inbounds.of,
    upstreams,
    zone,
    autoReachable: inputs.autoReachable,
    serviceVipPort: inputs.serviceVipPort,
  });

  // Apart, so that a policy about calls does not ask again who calls.
  const callers = graph.family<string, Caller | undefined>((name) => {
    const dataplane = view.dataplane.at(name).get();
    const mesh = view.mesh.get();
    if (dataplane === undefined || mesh === undefined || isBuiltinGateway(dataplane)) return undefined;
    const context = contexts.of(dataplane, mesh);
    const { naming, certificate } = context;
    return upstreams.caller({ ...contexts.caller(context), naming, identity: certificate });
  });

  const outbounds = graph.family<string, ProxyOutbounds>((name) => {
    const dataplane = view.dataplane.at(name).get();
    const mesh = view.mesh.get();
    const caller = callers.at(name).get();
    if (dataplane === undefined || mesh === undefined || caller === undefined) return NO_OUTBOUNDS;
    const facts = node.at(name).get();
    return reachable.of(dataplane, mesh, {
      caller: upstreams.kind(caller, view.policies.at(name).get().outbound),
      redirect: redirectOf(dataplane, facts),
      bindOutbounds: facts.bindOutbounds,
    });
  }, sameProxyOutbounds);

  const directInstances = (
    name: string,
    outbounds: readonly OutboundPlan[],
    conditions: PlanCondition[],
  ): readonly DirectAccessPlan[] => {
    const dataplane = view.dataplane.at(name).get();
    const mesh = view.mesh.get();
    const services = dataplane?.spec.networking?.transparentProxying?.directAccessServices ?? [];
    if (dataplane === undefined || mesh === undefined || services.length === 0) return [];
    const { certificate, redirect } = contexts.of(dataplane, mesh);
    if (redirect.outboundPort === undefined) return [];
    const { instances, unknown } = directAccess.plan({
      dataplane: name,
      services,
      tls: certificate && peerTls(certificate, domains.get()),
      taken: new Set(outbounds.map(({ address, port }) => `${address} ${port}`)),
    });
    for (const service of unknown) {
      const message = `networking.transparentProxying.directAccessServices: "${service}" has no instances`;
      conditions.push({ type: "UnresolvedDirectAccess", message });
    }
    return instances;
  };

  const dnsPlan = (facts: NodeFacts, naming: Naming, outbounds: readonly OutboundPlan[]) => {
    const socket = facts.dynamicConfigSocket;
    if (socket === undefined) return undefined;
    const records = names.of(outbounds);
    const made = getOrMake(dnsPlans, records, () => new Interned());
    const name = naming === "unified" ? "system_dynamicconfig" : "_kuma:dynamicconfig";
    return made.get(`${name} ${socket}`, () => ({ name, socket, records }));
  };

  const quiet = quietPlans(graph, {
    ...{ view, meshName, zone, definitions, node },
    ...{ contexts, domains, inbounds, outbounds, egresses: egressPlans, gateways },
  });

  const plan = graph.family<string, ProxyPlan | undefined>((name) => {
    const rest = quiet.at(name).get();
    if (rest === undefined) return undefined;
    const calls = outbounds.at(name).get();
    const conditions = [...rest.conditions, ...calls.conditions];
    const instances = directInstances(name, calls.outbounds, conditions);
    return {
      ...rest,
      dns: dnsPlan(node.at(name).get(), rest.naming, calls.outbounds),
      ...(instances.length === 0 ? {} : { directAccess: instances }),
      outbounds: calls.outbounds,
      backends: rest.backends.length === 0 ? calls.backends : rest.backends,
      conditions,
    };
  }, samePlan);

  return { plan, outbounds, endpoints: endpointViews, destination, identity };
}

/** Outbounds are the same list for as long as nothing of them changes. */
function samePlan(a: ProxyPlan | undefined, b: ProxyPlan | undefined): boolean {
  return a?.outbounds === b?.outbounds && sameDeep(a, b);
}

const NO_OUTBOUNDS: ProxyOutbounds = { outbounds: [], backends: [], conditions: [], shared: undefined };
