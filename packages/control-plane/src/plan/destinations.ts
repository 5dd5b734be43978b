import {
  type DataplaneInbound,
  type DataplaneResource,
  LABEL,
  type MeshServicePort,
  type MeshServiceResource,
  meshServiceKind,
  PROTOCOL_TAG,
  parseProtocol,
  type Resource,
  SERVICE_TAG,
} from "@skein/model";
import {
  contains,
  type DestinationKey,
  type DestinationPlan,
  type EndpointPlan,
  type EndpointsPlan,
  type Protocol,
} from "@skein/policies";
import type { Outcome } from "../identity/outcome.ts";
import type { Family, Graph, Readable } from "../view/graph.ts";
import type { MeshView } from "../view/mesh-view.ts";
import { isTarget, sectionOf } from "../view/selectable.ts";
import { namedDestination, taggedName } from "./destination-keys.ts";
import type { OutsideService } from "./egress.ts";
import { type ExternalDestination, externalDestination, leavesThroughEgress } from "./external.ts";
import type { DataplaneIdentity } from "./identities.ts";
import { multiZoneDestination, multiZoneMembers } from "./multi-zone.ts";
import { resourceDestination } from "./resource-destination.ts";
import type { ZoneEgresses } from "./zone-egresses.ts";

/** A destination with what callers must agree on before they use TLS. */
export interface Destination {
  readonly plan: DestinationPlan;
  /** Every instance takes mesh TLS. */
  readonly acceptsTls: boolean;
  /** Where it is, when that is outside the mesh and callers go there themselves. */
  readonly external?: ExternalDestination;
  /** Why calls come to nothing, where something is missing that somebody should know of. */
  readonly problem?: string;
}

/** The protocol by which traffic is handled: what is not HTTP is bytes. */
export function trafficProtocol(text: string | undefined): Protocol {
  const protocol = parseProtocol(text ?? "tcp");
  return protocol === "http" || protocol === "http2" || protocol === "grpc" ? protocol : "tcp";
}

/** Whether there are ports, and all of them are for bytes. */
export function speakBytes(ports: readonly { readonly appProtocol?: string | undefined }[]): boolean {
  return ports.length > 0 && ports.every(({ appProtocol }) => trafficProtocol(appProtocol) === "tcp");
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
  readonly egresses: Readable<ZoneEgresses>;
  /** External services by name, as who calls them for the mesh sees them. */
  readonly outside: { at(service: string): Readable<OutsideService | undefined> };
  /** The text of a secret as it is stored, or why it cannot be read. */
  readonly openSecret: (secret: Resource) => Outcome<string, string>;
}

/** The destinations of a mesh, by key. */
export function destinations(
  graph: Graph,
  inputs: DestinationInputs,
): { at(key: DestinationKey): Readable<Destination | undefined> } {
  const { view, identity, meshName } = inputs;
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
        legacyName: isWhole ? service : name.replaceAll(" ", ","),
        routeName: `outbound:${service}`,
      },
      acceptsTls: identities.length > 0 && identities.every(({ acceptsTls }) => acceptsTls),
    };
  };
  const byService = (name: string, port: number): Destination | undefined => {
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
    return {
      plan: resourceDestination(meshServiceKind, service, servicePort, {
        protocol: trafficProtocol(servicePort.appProtocol),
        serverIds,
      }),
      acceptsTls: identities.length > 0 && identities.every(({ acceptsTls }) => acceptsTls),
    };
  };
  const family: Family<DestinationKey, Destination | undefined> = graph.family((key) => {
    const { kind, name, port } = namedDestination(key);
    switch (kind) {
      case "ServiceTag":
        return byTag(name);
      case "MeshService":
        return byService(name, port);
      case "MeshExternalService":
        return externalDestination(inputs, name, port);
      case "MeshMultiZoneService":
        return multiZoneDestination(view, name, port, (each) => family.at(each).get());
    }
  }, sameJson);
  return family;
}

/** Where the instances of each destination are, by key. */
export function endpoints(
  graph: Graph,
  { view, zone, egresses }: DestinationInputs,
): Family<DestinationKey, EndpointsPlan> {
  const instancesOf = (key: DestinationKey): readonly EndpointPlan[] => {
    const { kind, name, port } = namedDestination(key);
    if (kind === "MeshExternalService") {
      return leavesThroughEgress(view) ? egresses.get().endpoints : [];
    }
    if (kind === "MeshMultiZoneService") {
      return unlike(multiZoneMembers(view, name, port).flatMap(instancesOf));
    }
    if (kind === "ServiceTag") {
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
    return members.flatMap((member) =>
      servingInbounds(member, service, servicePort)
        .filter(isReady)
        .map((inbound) => endpointOf(member, inbound)),
    );
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
          endpoints: list.toSorted(byAddress),
        })),
    };
  }, sameJson);
}

/** The dataplanes behind a destination with the sections of the inbounds that serve it, ready or not. */
export function instancesBehind(
  view: MeshView,
  key: DestinationKey,
): ReadonlyMap<string, ReadonlySet<string>> {
  const { kind, name, port } = namedDestination(key);
  const behind = (
    members: readonly DataplaneResource[],
    inbounds: (member: DataplaneResource) => readonly DataplaneInbound[],
  ) => new Map(members.map((member) => [member.name, new Set(inbounds(member).map(sectionOf))] as const));
  if (kind === "ServiceTag") {
    const { service, tags } = taggedName(name);
    return behind(view.tagged.at(service).get(), (member) => taggedInbounds(member, service, tags));
  }
  const service = kind === "MeshService" ? view.service.at(name).get() : undefined;
  const servicePort = service?.spec.ports?.find((candidate) => candidate.port === port);
  if (service === undefined || servicePort === undefined) return new Map();
  return behind(view.members.at(name).get(), (member) => servingInbounds(member, service, servicePort));
}

function servingInbounds(
  member: DataplaneResource,
  service: MeshServiceResource,
  servicePort: MeshServicePort,
): readonly DataplaneInbound[] {
  const tag = service.spec.selector?.dataplaneTags?.[SERVICE_TAG];
  return (member.spec.networking?.inbound ?? []).filter((inbound) => {
    const own = inbound.tags?.[SERVICE_TAG];
    return isTarget(inbound, servicePort) && (tag === undefined || own === undefined || own === tag);
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

/** A proxy that several services have is called as one of them. */
function unlike(endpoints: readonly EndpointPlan[]): readonly EndpointPlan[] {
  return [...new Map(endpoints.map((each) => [`${each.address} ${each.port}`, each] as const)).values()];
}

function byAddress(a: EndpointPlan, b: EndpointPlan): number {
  return a.address < b.address ? -1 : a.address > b.address ? 1 : a.port - b.port;
}

function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
