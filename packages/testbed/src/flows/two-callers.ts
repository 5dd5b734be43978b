import type { EchoAnswer } from "../apps/answer.ts";
import { drained as noneDraining } from "../kong-air/drained.ts";
import { until } from "../poll.ts";
import type { Service, Sidecar } from "../world/service.ts";
import { type World, withWorld } from "../world/world.ts";
import { ALLOW_ALL, identity, idOf } from "./documents.ts";
import { type Answer, get, tcpClient } from "./load.ts";
import { documents, meshYaml } from "./scene.ts";

/** Who calls. */
export const CALLERS = ["passenger-portal", "baggage"] as const;

/** Who calls. */
export type CallerName = (typeof CALLERS)[number];

/** Two callers of the same two services, each with an id of its own: `check-in-api` speaks HTTP, `flight-control` bytes. */
export interface TwoCallers {
  readonly world: World;
  readonly checkIn: Service;
  readonly flightControl: Service;
  /** Where a caller's sidecar takes requests for `check-in-api`. */
  url(caller: CallerName, path?: string): string;
  /** One GET to `check-in-api` through a caller's sidecar, over a new connection to that sidecar. */
  ask(caller: CallerName, path?: string): Promise<Answer>;
  /** Statuses of GETs, one after the other. */
  statuses(caller: CallerName, count: number, path?: string): Promise<readonly number[]>;
  /** One connection to `flight-control`; why it failed, or `undefined`. */
  connect(caller: CallerName): Promise<string | undefined>;
}

/** The two callers in a world of their own, when each is known by its id. `extra` is what the mesh holds besides. */
export async function withTwoCallers(
  extra: readonly string[],
  body: (scene: TwoCallers) => Promise<void>,
): Promise<void> {
  await withWorld(async (world) => {
    await world.startControlPlane();
    await world.apply(documents(meshYaml(), identity(), ALLOW_ALL, ...extra));
    const caller = (service: CallerName, host: number) =>
      world.startService({
        service,
        host,
        outbounds: [
          { service: "check-in-api", port: 10_001 },
          { service: "flight-control", port: 10_002 },
        ],
      });
    const [, , checkIn, flightControl] = await Promise.all([
      caller("passenger-portal", 11),
      caller("baggage", 12),
      world.startService({ service: "check-in-api", host: 13 }),
      world.startService({ service: "flight-control", host: 14, tcp: true }),
    ]);
    const address = (name: CallerName) => world.site.block.address(11 + CALLERS.indexOf(name));
    const scene: TwoCallers = {
      world,
      checkIn,
      flightControl,
      url: (name, path = "/") => `http://${address(name)}:10001${path}`,
      ask: (name, path) => get(undefined, scene.url(name, path)),
      statuses: async (name, count, path) => {
        const seen: number[] = [];
        while (seen.length < count) seen.push((await scene.ask(name, path)).status);
        return seen;
      },
      connect: (name) => tcpClient(address(name), 10_002).send(),
    };
    for (const name of CALLERS) {
      await until(`${name} is known to check-in-api`, async () => {
        const answer = await scene.ask(name);
        return answer.status === 200 && (JSON.parse(answer.body) as EchoAnswer).caller === idOf(name);
      });
      await until(`${name} reaches flight-control`, async () => (await scene.connect(name)) === undefined);
    }
    await body(scene);
  });
}

/** Waits until the connections that came before a change of a filter chain are gone: they keep what they began with. */
export async function drained(sidecar: Sidecar): Promise<void> {
  await noneDraining((filter) => sidecar.stats(filter));
}

/** How often Envoy took another version of a listener. */
export async function listenerChanges(sidecar: Sidecar): Promise<ReadonlyMap<string, number>> {
  return await sidecar.stats("listener_manager.listener_(modified|in_place_updated)$");
}

/** A match for one caller. */
export function only(caller: CallerName): object {
  return { spiffeID: { type: "Exact", value: idOf(caller) } };
}
