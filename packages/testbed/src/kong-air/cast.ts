import { until } from "../poll.ts";
import type { Outbound } from "../world/dataplane.ts";
import type { Service, ServiceSpec } from "../world/service.ts";
import type { World } from "../world/world.ts";
import { callThrough } from "./call.ts";

/** The airline's services; the same three in every page, test and demo. */
export const CAST = ["passenger-portal", "check-in-api", "flight-control"] as const;

/** Name of one of them. */
export type Role = (typeof CAST)[number];

const FIRST_HOST = 11;
const FIRST_OUTBOUND = 10_001;
const FIRST_OUTSIDE = 10_101;

/** The mesh of every page. */
export const MESH_YAML = `type: Mesh
name: kong-air-mesh
meshServices:
  mode: Exclusive
`;

/** Each service calls the two others, at the same port from everywhere: 10001, 10002 and 10003 in the cast's order. */
export function outboundsOf(caller: string): readonly Outbound[] {
  return outboundsTo(CAST).filter(({ service }) => service !== caller);
}

/** The named services, at ports from 10001 on. */
export function outboundsTo(services: readonly string[]): readonly Outbound[] {
  return services.map((service, index) => ({ service, port: FIRST_OUTBOUND + index }));
}

/** The named external services, at ports from 10101 on. */
export function outboundsOutside(services: readonly string[]): readonly Outbound[] {
  return services.map((service, index) => ({
    kind: "MeshExternalService",
    service,
    port: FIRST_OUTSIDE + index,
  }));
}

/** What one of the three services is started with. */
export function castSpec(role: Role): ServiceSpec {
  return {
    service: role,
    host: FIRST_HOST + CAST.indexOf(role),
    outbounds: outboundsOf(role),
    labels: {
      env: "production",
      team: role === "flight-control" ? "operations" : "passenger",
      version: "v1",
    },
  };
}

/** SPIFFE id of a service, as the pages' MeshIdentity makes it. */
export function spiffeId(service: string): string {
  return `spiffe://kong-air-mesh.mesh.local/ns/kong-air-production/sa/${service}`;
}

/** One part that is up, for whoever reports progress. */
export interface Started {
  readonly name: string;
  readonly address: string;
  readonly ms: number;
}

/** Starts the control plane, the mesh and the three services, and waits until every one of them reaches the others. */
export async function upKongAir(
  world: World,
  onStarted: (started: Started) => void = () => {},
): Promise<ReadonlyMap<Role, Service>> {
  const timed = async <T>(name: string, address: string, start: () => Promise<T>): Promise<T> => {
    const begin = performance.now();
    const result = await start();
    onStarted({ name, address, ms: performance.now() - begin });
    return result;
  };
  await timed("control plane", world.controlPlane.api.replace("http://", ""), () =>
    world.startControlPlane(),
  );
  await world.apply(MESH_YAML);
  const services = new Map<Role, Service>();
  await Promise.all(
    CAST.map(async (role) => {
      const spec = castSpec(role);
      const address = `${world.site.block.address(spec.host ?? 0)}:8080`;
      services.set(role, await timed(role, address, () => world.startService(spec)));
    }),
  );
  for (const [from, to] of pairs()) {
    await until(`${from} reaches ${to}`, async () => {
      const result = await callThrough(world, from, to);
      if (result.status !== 200) throw new Error(`${result.status} ${result.detail}`);
      return true;
    });
  }
  return services;
}

/** Every caller with everyone it calls. */
export function pairs(): readonly (readonly [Role, Role])[] {
  return CAST.flatMap((from) => CAST.filter((to) => to !== from).map((to) => [from, to] as const));
}
