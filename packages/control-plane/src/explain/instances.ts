import type { DestinationKey, InboundPlan, ProxyPlan } from "@skein/policies";
import type { MeshWorld } from "../pipeline/world.ts";
import { targetPortOf } from "../view/selectable.ts";

/** One instance of a destination: the inbound of a proxy, and whether callers are sent there. */
export interface Instance {
  readonly plan: ProxyPlan;
  readonly inbound: InboundPlan;
  readonly zone: string;
  readonly ready: boolean;
}

/** The instances of a destination by name, those that take no traffic now included. */
export function instancesOf({ index, planner }: MeshWorld, key: DestinationKey): readonly Instance[] {
  const at = key.lastIndexOf("|");
  const [name, port] = [key.slice(0, at), Number(key.slice(at + 1))];
  const zones = new Map<string, string>();
  for (const { zone, endpoints } of planner.endpoints.at(key).get().localities) {
    for (const endpoint of endpoints) zones.set(`${endpoint.address} ${endpoint.port}`, zone);
  }
  const service = index.service.at(name).get();
  const servicePort = service?.spec.ports?.find((each) => each.port === port);
  const target = servicePort && targetPortOf(servicePort);
  const members =
    service === undefined ? index.tagged.at(name.split(" ")[1] ?? "").get() : index.members.at(name).get();
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
