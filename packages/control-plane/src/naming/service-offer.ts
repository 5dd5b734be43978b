import {
  type DataplaneInbound,
  type DataplaneResource,
  isDnsLabel,
  LABEL,
  type MeshServicePort,
  PROTOCOL_TAG,
  SERVICE_TAG,
  SERVICELESS_INBOUND_PORT,
} from "@skein/model";
import type { NamingSettings } from "./settings.ts";

/** One service that one dataplane says it is an instance of, and on which ports. */
export interface ServiceOffer {
  /** Name of the service as the dataplane gives it; not necessarily a valid resource name. */
  readonly service: string;
  readonly by: "tag" | "workload";
  readonly dataplane: DataplaneResource;
  /** In order of the port number. Not empty. */
  readonly ports: readonly MeshServicePort[];
  /** Equal for equal ports. */
  readonly portsKey: string;
}

/**
 * The services that a dataplane says it is an instance of: one for each value of the tag `kuma.io/service` of its
 * inbounds; where none of them has that tag, the one that its label `kuma.io/workload` names, with all inbounds.
 * Gateways have no inbounds, so they offer nothing; nor does an inbound that is there for an identity only, or one whose
 * state is `Ignored`: its proxy has no listener for it, so a port of it would have no endpoint, ever.
 *
 * Kuma takes the label only with `experimental.inboundTagsDisabled`, and then for all dataplanes. Here it is a
 * property of the dataplane, so that a mesh can move from tags to labels one dataplane at a time; with the setting,
 * tags do not count.
 */
export function serviceOffers(
  dataplane: DataplaneResource,
  { inboundTagsDisabled = false }: Pick<NamingSettings, "inboundTagsDisabled"> = {},
): readonly ServiceOffer[] {
  const inbounds = (dataplane.spec.networking?.inbound ?? []).filter(({ state }) => state !== "Ignored");
  const byService = new Map<string, DataplaneInbound[]>();
  for (const inbound of inbounds) {
    const service = inbound.tags?.[SERVICE_TAG] ?? "";
    if (service === "" || inboundTagsDisabled) continue;
    const list = byService.get(service);
    if (list === undefined) byService.set(service, [inbound]);
    else list.push(inbound);
  }
  if (byService.size > 0) {
    return [...byService].flatMap(([service, list]) => offer(dataplane, service, "tag", list));
  }
  const workload = dataplane.labels[LABEL.workload] ?? "";
  return workload === "" ? [] : offer(dataplane, workload, "workload", inbounds);
}

/** A text that is equal for equal ports, whatever their order. */
export function portsKey(ports: readonly MeshServicePort[]): string {
  return JSON.stringify(
    ports
      .map(({ name, port, targetPort, appProtocol }) => [port, name, targetPort, appProtocol])
      .sort(([a], [b]) => Number(a) - Number(b)),
  );
}

function offer(
  dataplane: DataplaneResource,
  service: string,
  by: ServiceOffer["by"],
  inbounds: readonly DataplaneInbound[],
): readonly ServiceOffer[] {
  const ports = servicePorts(inbounds);
  return ports.length === 0 ? [] : [{ service, by, dataplane, ports, portsKey: portsKey(ports) }];
}

function servicePorts(inbounds: readonly DataplaneInbound[]): readonly MeshServicePort[] {
  const byPort = new Map<number, DataplaneInbound>();
  for (const inbound of inbounds) {
    if (inbound.port !== SERVICELESS_INBOUND_PORT && !byPort.has(inbound.port))
      byPort.set(inbound.port, inbound);
  }
  const sorted = [...byPort.values()].sort((a, b) => a.port - b.port);
  const numbers = new Set(sorted.map(({ port }) => String(port)));
  const names = new Set<string>();
  return sorted.map((inbound) => {
    const number = String(inbound.port);
    const wanted = inbound.name ?? "";
    const isUsable = isDnsLabel(wanted) && !names.has(wanted) && !(numbers.has(wanted) && wanted !== number);
    const name = isUsable ? wanted : number;
    names.add(name);
    return { name, port: inbound.port, targetPort: inbound.port, appProtocol: protocolOf(inbound) };
  });
}

function protocolOf(inbound: DataplaneInbound): string {
  return (inbound.protocol || inbound.tags?.[PROTOCOL_TAG] || "tcp").toLowerCase();
}
