import type { DestinationKey, EgressChainPlan, InboundPlan, OutboundPlan, ProxyPlan } from "@skein/policies";
import { leavingPermissions } from "@skein/policies/mesh-traffic-permission/leaving";
import type { PermissionPlan } from "@skein/policies/mesh-traffic-permission/plan";
import type { MeshWorld } from "../pipeline/world.ts";
import { destinationKey } from "../plan/destination-keys.ts";
import { leavesThroughEgress } from "../plan/external.ts";
import { egressListeners } from "../view/selectable.ts";

/** Who calls, as one of its instances. */
export interface Caller {
  readonly plan: ProxyPlan;
  /** Its outbound for a destination. */
  readonly wayTo: (target: DestinationKey) => OutboundPlan | undefined;
  /** What it may call outside, where its own proxy decides that; absent where the mesh forbids nothing there. */
  readonly leaving?: { readonly permissions: PermissionPlan | undefined };
}

/** A port of a workload, as one of its instances has it. */
export interface CalledInbound {
  readonly kind: "inbound";
  readonly name: string;
  readonly port: number;
  readonly inbound: InboundPlan;
}

/** A service outside the mesh. */
export interface CalledOutside {
  readonly kind: "outside";
  readonly name: string;
  readonly port: number;
  readonly target: DestinationKey;
  /** Server name by which permissions know it. */
  readonly sni: string;
  /** The listeners that take calls to it now; absent where callers' own proxies call it. */
  readonly egresses: readonly { readonly proxy: string; readonly chain: EgressChainPlan }[] | undefined;
  /** Why nobody can call it now. */
  readonly problem: string | undefined;
}

export type Called = CalledInbound | CalledOutside;

/** Who is in a mesh: one instance speaks for all of its workload. */
export interface Parties {
  /** By name of the workload. */
  readonly callers: ReadonlyMap<string, Caller>;
  /** By a key of its own for each, in the order in which they are told. */
  readonly called: ReadonlyMap<string, Called>;
}

/** The parties of a mesh, of plans in the order of their names. */
export function partiesOf(mesh: MeshWorld, plans: Iterable<ProxyPlan>): Parties {
  const callers = new Map<string, Caller>();
  const inbounds = new Map<string, CalledInbound>();
  for (const plan of plans) {
    const name = workloadName(plan);
    if (!callers.has(name) && hasApplication(mesh, plan)) {
      callers.set(name, callerOf(mesh, plan));
    }
    for (const inbound of plan.inbounds) {
      const key = `${name} ${inbound.port}`;
      if (!inbounds.has(key)) inbounds.set(key, { kind: "inbound", name, port: inbound.port, inbound });
    }
  }
  const called: readonly (readonly [string, Called])[] = [...[...inbounds].sort(byPlace), ...outsideOf(mesh)];
  return { callers, called: new Map(called) };
}

/** A proxy as somebody who calls. */
export function callerOf({ index }: MeshWorld, plan: ProxyPlan): Caller {
  let ways: ReadonlyMap<DestinationKey, OutboundPlan> | undefined;
  const wayTo = (target: DestinationKey): OutboundPlan | undefined => {
    ways ??= new Map(plan.outbounds.map((outbound) => [outbound.target, outbound]));
    return ways.get(target);
  };
  const isForbidden = index.mesh.get()?.spec.routing?.defaultForbidMeshExternalServiceAccess === true;
  if (!isForbidden || leavesThroughEgress(index)) return { plan, wayTo };
  const policies = index.policies.at(plan.name).get().proxy.byKind.get("MeshTrafficPermission") ?? [];
  return { plan, wayTo, leaving: { permissions: leavingPermissions(policies) } };
}

/** What people call the workload behind a proxy: its workload, app or service, else the proxy itself. */
export function workloadName(plan: ProxyPlan): string {
  const tags = plan.inbounds[0]?.tags;
  return plan.labels["kuma.io/workload"] ?? plan.labels.app ?? tags?.["kuma.io/service"] ?? plan.name;
}

function outsideOf(mesh: MeshWorld): readonly (readonly [string, CalledOutside])[] {
  const { index, planner } = mesh;
  const targets = index.externalServices.names.get().flatMap((name) => {
    const port = index.externalServices.at(name).get()?.spec.match.port;
    return port === undefined
      ? []
      : [{ name, port, target: destinationKey("MeshExternalService", name, port) }];
  });
  const [first] = targets;
  const listeners =
    first !== undefined && leavesThroughEgress(index) ? readyEgresses(mesh, first.target) : undefined;
  return targets.flatMap(({ name, port, target }) => {
    const destination = planner.destination.at(target).get();
    if (destination === undefined) return [];
    const egresses = listeners?.flatMap(({ proxy, chains }) => {
      const chain = chains.get(name);
      return chain === undefined ? [] : [{ proxy, chain }];
    });
    const { sni } = destination.plan;
    const problem = destination.external?.problem;
    return [[target, { kind: "outside", name, port, target, sni, egresses, problem }] as const];
  });
}

interface ReadyEgress {
  readonly proxy: string;
  /** By name of the external service. */
  readonly chains: ReadonlyMap<string, EgressChainPlan>;
}

/** The listeners that take calls now: those of one external service are those of all. */
function readyEgresses({ index, planner }: MeshWorld, target: DestinationKey): readonly ReadyEgress[] {
  const { localities } = planner.endpoints.at(target).get();
  const ready = new Set(
    localities.flatMap(({ endpoints }) => endpoints.map(({ address, port }) => `${address} ${port}`)),
  );
  return index.egresses.get().flatMap(({ name: proxy, spec }) => {
    const advertised = spec.networking?.advertisedAddress;
    const listeners = planner.plan.at(proxy).get()?.egresses ?? [];
    return listeners
      .filter(({ address, port }) => ready.has(`${advertised || address} ${port}`))
      .map(({ chains }) => ({
        proxy,
        chains: new Map(chains.map((chain) => [chain.destination.name, chain])),
      }));
  });
}

/** A proxy that only leads others out of the mesh calls nobody by itself. */
function hasApplication({ index }: MeshWorld, { name }: ProxyPlan): boolean {
  const dataplane = index.dataplane.at(name).get();
  if (dataplane === undefined || egressListeners(dataplane).length === 0) return true;
  const { inbound = [], outbound = [], gateway } = dataplane.spec.networking ?? {};
  return inbound.length > 0 || outbound.length > 0 || gateway !== undefined;
}

function byPlace([, a]: readonly [string, CalledInbound], [, b]: readonly [string, CalledInbound]): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : a.port - b.port;
}
