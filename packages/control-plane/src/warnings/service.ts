import type { DataplaneResource, MeshServiceResource } from "@skein/model";
import { isTarget } from "../view/selectable.ts";
import { selectsDataplane } from "../view/service-members.ts";

/** What a MeshService selects that is not there. */
export function serviceWarnings(
  service: MeshServiceResource,
  dataplanes: readonly DataplaneResource[],
): readonly string[] {
  const members = dataplanes.filter((dataplane) => selectsDataplane(service, dataplane));
  if (dataplanes.length > 0 && members.length === 0) {
    return ["spec.selector finds none of the dataplanes that are there now"];
  }
  const inbounds = members.flatMap(({ spec }) => spec.networking?.inbound ?? []);
  return (service.spec.ports ?? []).flatMap((port, i) => {
    if (members.length === 0 || inbounds.some((inbound) => isTarget(inbound, port))) return [];
    return [
      port.targetPort === undefined
        ? `spec.ports[${i}].targetPort is not set, so it is ${port.port}, and none of the dataplanes that it selects has an inbound with that port`
        : `spec.ports[${i}].targetPort: none of the dataplanes that it selects has an inbound ${port.targetPort}`,
    ];
  });
}
