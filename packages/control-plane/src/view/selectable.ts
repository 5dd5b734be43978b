import type { DataplaneListener, DataplaneResource, MeshGatewayResource } from "@skein/model";
import type { Selectable } from "@skein/policies";
import { selectableGateway } from "./gateways.ts";

/** Section name of an inbound or listener: its name, or its port. */
export function sectionOf(inbound: {
  readonly name?: string | undefined;
  readonly port?: number | undefined;
}): string {
  return inbound.name === undefined || inbound.name === "" ? String(inbound.port) : inbound.name;
}

/** A dataplane as policies see it. @param gateways the MeshGateways of its mesh */
export function selectable(
  dataplane: DataplaneResource,
  gateways: readonly MeshGatewayResource[],
): Selectable {
  const { networking } = dataplane.spec;
  const gateway = selectableGateway(dataplane, gateways);
  return {
    name: dataplane.name,
    labels: dataplane.labels,
    gatewayTags: networking?.gateway === undefined ? undefined : (networking.gateway.tags ?? {}),
    inbounds: [
      ...(networking?.inbound ?? []).map((inbound) => ({
        section: sectionOf(inbound),
        tags: inbound.tags ?? {},
      })),
      ...egressListeners(dataplane).map((listener) => ({ section: sectionOf(listener), tags: {} })),
    ],
    ...(gateway === undefined ? {} : { gateway }),
  };
}

/** The listeners of a dataplane by which others leave the mesh. */
export function egressListeners({ spec }: Pick<DataplaneResource, "spec">): readonly DataplaneListener[] {
  return (spec.networking?.listeners ?? []).filter(({ type }) => type === "ZoneEgress");
}

/** The port of an inbound, by number or name, that a service's port leads to: its `targetPort`, else the same number. */
export function targetPortOf({
  port,
  targetPort,
}: {
  readonly port: number;
  readonly targetPort?: number | string | undefined;
}): number | string {
  return targetPort ?? port;
}

/** Whether a service's port leads to an inbound. */
export function isTarget(
  inbound: { readonly name?: string | undefined; readonly port?: number | undefined },
  servicePort: Parameters<typeof targetPortOf>[0],
): boolean {
  const target = targetPortOf(servicePort);
  return typeof target === "number" ? inbound.port === target : sectionOf(inbound) === target;
}
