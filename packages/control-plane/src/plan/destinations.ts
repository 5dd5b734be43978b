import {
  type DataplaneInbound,
  type DataplaneResource,
  displayName,
  formatKri,
  LABEL,
  type MeshServiceResource,
  meshServiceKind,
  PROTOCOL_TAG,
  parseProtocol,
  SERVICE_TAG,
  sniOf,
} from "@skein/model";
import type { DestinationPlan, EndpointPlan, EndpointsPlan, Protocol } from "@skein/policies";
import type { Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { sectionOf } from "../view/selectable.ts";
import type { DataplaneIdentity } from "./identities.ts";

/** One port of a MeshService: `<service>|<port number>`. */
export type DestinationKey = `${string}|${number}`;

/** A destination with what callers must agree on before they use TLS. */
export interface Destination {
  readonly plan: DestinationPlan;
  /** Every instance takes mesh TLS. */
  readonly acceptsTls: boolean;
}

/** The protocol by which traffic is handled: what is not HTTP is bytes. */
export function trafficProtocol(text: string | undefined): Protocol {
  const protocol = parseProtocol(text ?? "tcp");
  return protocol === "http" || protocol === "http2" || protocol === "grpc" ? protocol : "tcp";
}

/** The protocol of an inbound: its own field, else the tag. */
export function inboundProtocol(inbound: DataplaneInbound): Protocol {
  return trafficProtocol(inbound.protocol || inbound.tags?.[PROTOCOL_TAG]);
}

/** Whether an inbound takes traffic at all. */
export function isReady(inbound: DataplaneInbound): boolean {
  return (inbound.state ?? "Ready") === "Ready" && inbound.health?.ready !== false;
}

export interface DestinationInputs {
  readonly view: MeshView;
  readonly zone: string;
  readonly identity: { at(dataplane: string): Readable<DataplaneIdentity> };
}

/** The destinations of a mesh, by key. */
export function destinations(
  graph: Graph,
  { view, identity }: DestinationInputs,
): { at(key: DestinationKey): Readable<Destination | undefined> } {
  return graph.family<DestinationKey, Destination | undefined>((key) => {
    const [name, port] = splitKey(key);
    const service = view.service.at(name).get();
    const servicePort = service?.spec.ports?.find((candidate) => candidate.port === port);
    if (service === undefined || servicePort === undefined) return undefined;
    const members = view.members.at(name).get();
    const identities = members.map((member) => identity.at(member.name).get());
    const declared = (service.spec.identities ?? []).flatMap(({ type, value }) =>
      type === "SpiffeID" ? [value] : [],
    );
    // Instances of other zones are only known by what their zone declared.
    const live = identities.flatMap(({ ids }) => ids);
    const serverIds = [...new Set(members.length === 0 ? declared : live)].sort();
    const section = servicePort.name || String(port);
    const place = {
      mesh: service.mesh,
      zone: service.labels[LABEL.zone] ?? "",
      namespace: service.labels[LABEL.kubernetesNamespace] ?? "",
      name: displayName(service),
    };
    return {
      plan: {
        kind: "MeshService",
        mesh: service.mesh,
        name: service.name,
        kri: formatKri({ shortName: "msvc", ...place, section }),
        labels: service.labels,
        port,
        portName: section,
        protocol: trafficProtocol(servicePort.appProtocol),
        sni: sniOf(meshServiceKind, service, servicePort),
        serverIds,
        legacyName: [place.mesh, place.name, place.namespace, place.zone, "msvc", port].join("_"),
      },
      acceptsTls: identities.length > 0 && identities.every(({ acceptsTls }) => acceptsTls),
    };
  }, sameJson);
}

/** Where the instances of each destination are, by key. */
export function endpoints(
  graph: Graph,
  { view, zone }: DestinationInputs,
): { at(key: DestinationKey): Readable<EndpointsPlan> } {
  return graph.family<DestinationKey, EndpointsPlan>((key) => {
    const [name, port] = splitKey(key);
    const service = view.service.at(name).get();
    const servicePort = service?.spec.ports?.find((candidate) => candidate.port === port);
    if (service === undefined || servicePort === undefined) return NO_ENDPOINTS;
    const found = view.members
      .at(name)
      .get()
      .flatMap((member) => memberEndpoints(member, service, servicePort.targetPort));
    const byZone = new Map<string, EndpointPlan[]>();
    for (const endpoint of found) {
      const where = endpoint.tags["kuma.io/zone"] ?? endpoint.labels[LABEL.zone] ?? zone;
      const list = byZone.get(where);
      if (list === undefined) byZone.set(where, [endpoint]);
      else list.push(endpoint);
    }
    return {
      localities: [...byZone]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([where, list]) => ({
          zone: where,
          priority: where === zone ? 0 : 1,
          endpoints: list.sort(byAddress),
        })),
    };
  }, sameJson);
}

function memberEndpoints(
  member: DataplaneResource,
  service: MeshServiceResource,
  targetPort: number | string | undefined,
): EndpointPlan[] {
  const networking = member.spec.networking;
  const tags = service.spec.selector?.dataplaneTags?.[SERVICE_TAG];
  return (networking?.inbound ?? []).flatMap((inbound) => {
    const isTarget =
      typeof targetPort === "number" ? inbound.port === targetPort : sectionOf(inbound) === targetPort;
    if (!isTarget || !isReady(inbound)) return [];
    if (tags !== undefined && inbound.tags?.[SERVICE_TAG] !== undefined && inbound.tags[SERVICE_TAG] !== tags)
      return [];
    const address = networking?.advertisedAddress || inbound.address || networking?.address || "";
    return [{ address, port: inbound.port, tags: inbound.tags ?? {}, labels: member.labels }];
  });
}

const NO_ENDPOINTS: EndpointsPlan = { localities: [] };

function splitKey(key: DestinationKey): [name: string, port: number] {
  const at = key.lastIndexOf("|");
  return [key.slice(0, at), Number(key.slice(at + 1))];
}

function byAddress(a: EndpointPlan, b: EndpointPlan): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port;
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
