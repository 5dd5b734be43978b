import type { DataplaneResource } from "@skein/model";
import type { Selectable } from "@skein/policies";

/** Section name of an inbound: its name, or its port. */
export function sectionOf(inbound: {
  readonly name?: string | undefined;
  readonly port?: number | undefined;
}): string {
  return inbound.name === undefined || inbound.name === "" ? String(inbound.port) : inbound.name;
}

/** A dataplane as policies see it. */
export function selectable(dataplane: DataplaneResource): Selectable {
  const { networking } = dataplane.spec;
  return {
    name: dataplane.name,
    labels: dataplane.labels,
    gatewayTags: networking?.gateway === undefined ? undefined : (networking.gateway.tags ?? {}),
    inbounds: (networking?.inbound ?? []).map((inbound) => ({
      section: sectionOf(inbound),
      tags: inbound.tags ?? {},
    })),
  };
}
