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
import {
  contains,
  type DestinationKey,
  type DestinationPlan,
  type EndpointPlan,
  type EndpointsPlan,
  type Protocol,
} from "@skein/policies";
import type { Family, Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { sectionOf } from "../view/selectable.ts";
import type { DataplaneIdentity } from "./identities.ts";

const TAG_PREFIX = "tag ";

/** The destination of a service tag, for meshes without MeshServices; of those of its inbounds that have `tags` too. */
export function tagDestination(service: string, tags: Readonly<Record<string, string>> = {}): DestinationKey {
  const pairs = Object.entries(tags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ` ${key}=${value}`);
  return `${TAG_PREFIX}${service}${pairs.join("")}|0`;
}

/** The service and the further tags of such a destination. */
function taggedName(name: string): { readonly service: string; readonly tags: Record<string, string> } {
  const [service = "", ...pairs] = name.slice(TAG_PREFIX.length).split(" ");
  const tags = pairs.map((pair) => {
    const at = pair.indexOf("=");
    return [pair.slice(0, at), pair.slice(at + 1)] as const;
  });
  return { service, tags: Object.fromEntries(tags) };
}

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
  readonly meshName: string;
  readonly zone: string;
  readonly identity: { at(dataplane: string): Readable<DataplaneIdentity> };
}

/** The destinations of a mesh, by key. */
export function destinations(
  graph: Graph,
  { view, identity, meshName }: DestinationInputs,
): { at(key: DestinationKey): Readable<Destination | undefined> } {
  const byTag = (name: string): Destination => {
    const { service, tags } = taggedName(name);
    const isWhole = Object.keys(tags).length === 0;
    const members = view.tagged
      .at(service)
      .get()
      .filter((member) => taggedInbounds(member, service, tags).length > 0);
    const identities = members.map((member) => identity.at(member.name).get());
    const protocols = new Set(
      members.flatMap((member) => taggedInbounds(member, service, tags).map(inboundProtocol)),
    );
    const [protocol = "tcp"] = protocols;
    return {
      plan: {
        kind: "ServiceTag",
        mesh: meshName,
        name: service,
        kri: service,
        labels: {},
        port: 0,
        portName: "",
        protocol: protocols.size === 1 ? protocol : "tcp",
        sni: `${service}{mesh=${meshName}}`,
        serverIds: [...new Set(identities.flatMap(({ ids }) => ids))].sort(),
        legacyName: isWhole ? service : name.slice(TAG_PREFIX.length).replaceAll(" ", ","),
        routeName: `outbound:${service}`,
      },
      acceptsTls: identities.length > 0 && identities.every(({ acceptsTls }) => acceptsTls),
    };
  };
  return graph.family<DestinationKey, Destination | undefined>((key) => {
    const [name, port] = splitKey(key);
    if (name.startsWith(TAG_PREFIX)) return byTag(name);
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
    const kri = formatKri({ shortName: "msvc", ...place, section });
    return {
      plan: {
        kind: "MeshService",
        mesh: service.mesh,
        name: service.name,
        kri,
        routeName: kri,
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
): Family<DestinationKey, EndpointsPlan> {
  const instancesOf = (key: DestinationKey): readonly EndpointPlan[] => {
    const [name, port] = splitKey(key);
    if (name.startsWith(TAG_PREFIX)) {
      const { service, tags } = taggedName(name);
      const members = view.tagged.at(service).get();
      return members.flatMap((member) =>
        taggedInbounds(member, service, tags)
          .filter(isReady)
          .map((inbound) => endpointOf(member, inbound)),
      );
    }
    const service = view.service.at(name).get();
    const servicePort = service?.spec.ports?.find((candidate) => candidate.port === port);
    if (service === undefined || servicePort === undefined) return [];
    const members = view.members.at(name).get();
    return members.flatMap((member) => memberEndpoints(member, service, servicePort.targetPort));
  };
  return graph.family<DestinationKey, EndpointsPlan>((key) => {
    const found = instancesOf(key);
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
    return [endpointOf(member, inbound)];
  });
}

function taggedInbounds(
  member: DataplaneResource,
  service: string,
  wanted: Readonly<Record<string, string>>,
): readonly DataplaneInbound[] {
  return (member.spec.networking?.inbound ?? []).filter(
    ({ tags, state }) => state !== "Ignored" && tags?.[SERVICE_TAG] === service && contains(tags, wanted),
  );
}

function endpointOf(member: DataplaneResource, inbound: DataplaneInbound): EndpointPlan {
  const networking = member.spec.networking;
  const address = networking?.advertisedAddress || inbound.address || networking?.address || "";
  return { address, port: inbound.port, tags: inbound.tags ?? {}, labels: member.labels };
}

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
