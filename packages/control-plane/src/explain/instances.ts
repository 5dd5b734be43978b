import type {
  DestinationKey,
  EgressChainPlan,
  InboundPlan,
  InboundSharedPlan,
  ProxyPlan,
} from "@skein/policies";
import type { MeshWorld } from "../pipeline/world.ts";
import { namedDestination, taggedName } from "../plan/destination-keys.ts";
import { multiZoneMembers } from "../plan/multi-zone.ts";
import { targetPortOf } from "../view/selectable.ts";

/** Where a proxy is called: an inbound, or the part of an egress that leads to one service outside. */
export type CalledPort = Pick<InboundPlan, "section" | "address" | "port"> & {
  readonly shared: InboundSharedPlan | EgressChainPlan;
};

/** One instance of a destination: the inbound of a proxy or an egress, and whether callers are sent there. */
export interface Instance {
  readonly plan: ProxyPlan;
  readonly inbound: CalledPort;
  readonly zone: string;
  readonly ready: boolean;
}

/** The instances of a destination by name, those that take no traffic now included. */
export function instancesOf(mesh: MeshWorld, key: DestinationKey): readonly Instance[] {
  const { index, planner } = mesh;
  const { kind, name, port } = namedDestination(key);
  if (kind === "MeshMultiZoneService") {
    return once(multiZoneMembers(index, name, port).flatMap((member) => instancesOf(mesh, member)));
  }
  const zones = new Map<string, string>();
  for (const { zone, endpoints } of planner.endpoints.at(key).get().localities) {
    for (const endpoint of endpoints) zones.set(`${endpoint.address} ${endpoint.port}`, zone);
  }
  if (kind === "MeshExternalService") return egressesTo(mesh, name, zones);
  const service = kind === "MeshService" ? index.service.at(name).get() : undefined;
  const servicePort = service?.spec.ports?.find((each) => each.port === port);
  const target = servicePort && targetPortOf(servicePort);
  const members =
    service === undefined ? index.tagged.at(taggedName(name).service).get() : index.members.at(name).get();
  return members.flatMap((dataplane): Instance[] => {
    const plan = planner.plan.at(dataplane.name).get();
    if (plan === undefined) return [];
    const advertised = dataplane.spec.networking?.advertisedAddress;
    return plan.inbounds.flatMap((inbound): Instance[] => {
      const zone = zones.get(`${advertised || inbound.address} ${inbound.port}`);
      const isTarget = inbound.port === target || inbound.section === target;
      if (zone === undefined && !isTarget) return [];
      return [{ plan, inbound, zone: zone ?? plan.zone, ready: zone !== undefined }];
    });
  });
}

/** The egresses by which something outside is called: all of them lead to everything outside. */
function egressesTo(
  { index, planner }: MeshWorld,
  service: string,
  zones: ReadonlyMap<string, string>,
): readonly Instance[] {
  return index.egresses.get().flatMap((dataplane): Instance[] => {
    const plan = planner.plan.at(dataplane.name).get();
    const advertised = dataplane.spec.networking?.advertisedAddress;
    return (plan?.egresses ?? []).flatMap(({ section, address, port, chains }): Instance[] => {
      const shared = chains.find(({ destination }) => destination.name === service);
      const zone = zones.get(`${advertised || address} ${port}`);
      if (plan === undefined || shared === undefined) return [];
      const inbound = { section, address, port, shared };
      return [{ plan, inbound, zone: zone ?? plan.zone, ready: zone !== undefined }];
    });
  });
}

/** An inbound that several services lead to is one instance. */
function once(instances: readonly Instance[]): readonly Instance[] {
  return [...new Map(instances.map((each) => [`${each.plan.name} ${each.inbound.section}`, each])).values()];
}
