import type {
  DataplaneInbound,
  DataplaneResource,
  HostnameGeneratorResource,
  MeshExternalServiceResource,
  MeshMultiZoneServiceResource,
  MeshServiceResource,
  NewResource,
  Resource,
} from "@skein/model";
import type { NamingSettings, NamingWorld } from "../settings.ts";
import { DEFAULT_VIP_RANGES, VipPools } from "../vip-pools.ts";

/** Settings of a universal zone. */
export const SETTINGS: NamingSettings = {
  context: { mode: "zone", zone: "east", environment: "universal", federated: false },
  deletionGracePeriodMs: 3_600_000,
  taggedServices: { enabled: true, domain: "mesh" },
};

/** A world where every proxy is connected and has one SPIFFE id. */
export function testWorld(more: Partial<NamingWorld> = {}): NamingWorld {
  return {
    facts: {
      connected: () => true,
      identitiesOf: ({ name }) => [`spiffe://demo/${name}`],
      acceptsTls: () => true,
    },
    settings: SETTINGS,
    pools: new VipPools(DEFAULT_VIP_RANGES),
    ...more,
  };
}

/** A Mesh with MeshServices. */
export function mesh(name: string, mode = "Exclusive"): NewResource {
  return { type: "Mesh", mesh: "", name, labels: {}, spec: { meshServices: { mode } } };
}

/** An inbound: a service (or none) and a port. */
export function inbound(
  service: string | undefined,
  port: number,
  more: Partial<DataplaneInbound> = {},
): DataplaneInbound {
  return { port, ...(service === undefined ? {} : { tags: { "kuma.io/service": service } }), ...more };
}

/** A Dataplane of the mesh `demo` as a store has it. */
export function dataplane(
  name: string,
  inbounds: readonly DataplaneInbound[],
  more: Partial<DataplaneResource> = {},
): DataplaneResource {
  return stored({
    ...{ type: "Dataplane", mesh: "demo", name, labels: {} },
    spec: { networking: { address: "127.0.0.1", inbound: [...inbounds] } },
    owner: { type: "Mesh", mesh: "", name: "demo" },
    ...more,
  });
}

/** A HostnameGenerator as a store has it. */
export function generator(
  name: string,
  template: string,
  matchLabels: Record<string, string> = {},
  more: Partial<HostnameGeneratorResource> = {},
): HostnameGeneratorResource {
  const spec = { selector: { meshService: { matchLabels } }, template };
  return stored({ type: "HostnameGenerator", mesh: "", name, labels: {}, spec, ...more });
}

/** The generator that every universal zone starts with. */
export function defaultGenerator(): HostnameGeneratorResource {
  const labels = { "kuma.io/origin": "zone" };
  return generator("local-universal-mesh-service", "{{ .DisplayName }}.svc.mesh.local", labels, { labels });
}

/** A MeshService that a user made, as a store has it. */
export function userService(
  name: string,
  spec: Partial<MeshServiceResource["spec"]> = {},
  more: Partial<MeshServiceResource> = {},
): MeshServiceResource {
  return stored({
    ...{ type: "MeshService", mesh: "demo", name, labels: { "kuma.io/origin": "zone" } },
    spec: { state: "Unavailable", ...spec },
    owner: { type: "Mesh", mesh: "", name: "demo" },
    ...more,
  });
}

/** A MeshExternalService as a store has it. */
export function externalService(
  name: string,
  more: Partial<MeshExternalServiceResource> = {},
): MeshExternalServiceResource {
  return stored({
    ...{ type: "MeshExternalService", mesh: "demo", name, labels: { "kuma.io/origin": "zone" } },
    spec: {
      match: { type: "HostnameGenerator", port: 443, protocol: "tcp" },
      endpoints: [{ address: "db.example", port: 5432 }],
    },
    owner: { type: "Mesh", mesh: "", name: "demo" },
    ...more,
  });
}

/** A MeshMultiZoneService as a store has it. */
export function multiZoneService(
  name: string,
  matchLabels: Record<string, string>,
  more: Partial<MeshMultiZoneServiceResource> = {},
): MeshMultiZoneServiceResource {
  return stored({
    ...{ type: "MeshMultiZoneService", mesh: "demo", name, labels: {} },
    spec: { selector: { meshService: { matchLabels } }, ports: [{ port: 80, appProtocol: "tcp" }] },
    owner: { type: "Mesh", mesh: "", name: "demo" },
    ...more,
  });
}

/** A document as a store has it. */
export function stored<R extends NewResource>(
  resource: R,
): R & Pick<Resource, "creationTime" | "modificationTime" | "revision"> {
  const time = "2026-01-01T00:00:00.000000000Z";
  return { creationTime: time, modificationTime: time, revision: 1, ...resource };
}
