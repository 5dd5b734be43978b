import { type MeshMultiZoneServiceResource, meshMultiZoneServiceKind } from "@skein/model";
import type { DestinationKey } from "@skein/policies";
import { matchesLabels } from "../view/label-matches.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { destinationKey } from "./destination-keys.ts";
import { type Destination, trafficProtocol } from "./destinations.ts";
import { resourceDestination } from "./resource-destination.ts";

/**
 * One port of a MeshMultiZoneService: all MeshServices that it matches and that have a port with that number. Who may
 * answer is whoever may answer for one of them.
 */
export function multiZoneDestination(
  view: MeshView,
  name: string,
  port: number,
  destination: (key: DestinationKey) => Destination | undefined,
): Destination | undefined {
  const service = view.multiZoneServices.at(name).get();
  const servicePort = service?.spec.ports.find((candidate) => candidate.port === port);
  if (service === undefined || servicePort === undefined) return undefined;
  const keys = multiZoneMembers(view, name, port);
  const parts = keys.flatMap((key) => destination(key) ?? []);
  // A service without an instance has nobody whom callers could fail to understand.
  const called = parts.filter(({ plan }) => view.members.at(plan.name).get().length > 0);
  return {
    plan: resourceDestination(meshMultiZoneServiceKind, service, servicePort, {
      protocol: trafficProtocol(servicePort.appProtocol),
      serverIds: [...new Set(parts.flatMap(({ plan }) => plan.serverIds))].sort(),
    }),
    acceptsTls: called.length > 0 && called.every(({ acceptsTls }) => acceptsTls),
    ...(keys.length > 0 ? {} : { problem: noMembers(view, service, port) }),
  };
}

/** The destinations that a MeshMultiZoneService stands for, in the order of their names. */
export function multiZoneMembers(view: MeshView, name: string, port: number): readonly DestinationKey[] {
  const service = view.multiZoneServices.at(name).get();
  if (service === undefined) return [];
  return matchedServices(view, service)
    .filter(({ spec }) => (spec.ports ?? []).some((candidate) => candidate.port === port))
    .map((each) => destinationKey("MeshService", each.name, port));
}

function matchedServices(view: MeshView, { spec }: MeshMultiZoneServiceResource) {
  const labels = spec.selector.meshService.matchLabels ?? {};
  return view.serviceNames
    .get()
    .flatMap((name) => view.service.at(name).get() ?? [])
    .filter((service) => matchesLabels(service, labels));
}

function noMembers(view: MeshView, service: MeshMultiZoneServiceResource, port: number): string {
  const labels = JSON.stringify(service.spec.selector.meshService.matchLabels ?? {});
  const matched = matchedServices(view, service);
  if (matched.length === 0) {
    return `MeshMultiZoneService "${service.name}" matches no MeshService: none has the labels ${labels}`;
  }
  const names = matched.map(({ name }) => `"${name}"`).join(", ");
  return `MeshMultiZoneService "${service.name}": none of the MeshServices that it matches (${names}) has a port ${port}`;
}
