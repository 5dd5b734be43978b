import type { Outbound } from "../world/dataplane.ts";
import type { World } from "../world/world.ts";
import { documents, meshYaml, policy, resource } from "./scene.ts";
import { type Asking, answeredOnlyBy, asker } from "./who-answers.ts";

/** The instances behind every service, in the order of their addresses. */
export const INSTANCES = ["check-in-api-1", "check-in-api-2", "check-in-api-3"] as const;

const FIRST_HOST = 21;
const FIRST_PORT = 10_001;

/** A service of {@link INSTANCES}, with a strategy of its own. */
export interface BalancedService {
  readonly name: string;
  /** What a proxy takes its bytes for; the instances speak HTTP either way. */
  readonly protocol: "http" | "tcp";
  /** `default` of its MeshLoadBalancingStrategy. */
  readonly strategy: object;
}

/** A caller of those services. */
export interface Balanced {
  /** The strategies, one document. */
  readonly strategies: string;
  /** Which instance answers a request to a service; of one of bytes, over a connection of its own. */
  who(service: BalancedService, asking?: Asking & { readonly path?: string }): Promise<string>;
  url(service: BalancedService): string;
  /** Which instances are at work on requests to a service, by what the caller's proxy knows. */
  atWork(service: BalancedService): Promise<readonly string[]>;
  /** Later requests go over new connections. */
  reconnect(): void;
}

/**
 * One caller, three instances, and as many services of all three as there are strategies to look at. All of them answer: the
 * strategies are not applied yet.
 */
export async function startBalanced(world: World, services: readonly BalancedService[]): Promise<Balanced> {
  await world.startControlPlane();
  await world.apply(
    documents(
      meshYaml(),
      ...services.map(({ name, protocol }) =>
        resource("MeshService", name, {
          spec: {
            selector: { dataplaneLabels: { matchLabels: { app: "check-in-api" } } },
            ports: [{ port: 8080, targetPort: 8080, appProtocol: protocol }],
          },
        }),
      ),
    ),
  );
  const port = ({ name }: BalancedService): number =>
    FIRST_PORT + services.findIndex((each) => each.name === name);
  const outbounds = services.map((each): Outbound => ({ service: each.name, port: port(each) }));
  const [portal] = await Promise.all([
    world.startService({ service: "passenger-portal", host: 11, outbounds }),
    ...INSTANCES.map((instance, n) =>
      world.startService({ service: "check-in-api", instance, host: FIRST_HOST + n }),
    ),
  ]);
  const url = (service: BalancedService): string => `http://${world.site.block.address(11)}:${port(service)}`;
  const askers = new Map<string, ReturnType<typeof asker>>();
  const who: Balanced["who"] = async (service, { path = "/", headers = {}, ...asking } = {}) => {
    const own = askers.get(service.name) ?? asker(url(service));
    askers.set(service.name, own);
    const all = service.protocol === "tcp" ? { ...headers, connection: "close" } : headers;
    return (await own.ask(path, { headers: all, ...asking })).instance;
  };
  await Promise.all(services.map((service) => answeredOnlyBy(INSTANCES, () => who(service))));
  return {
    strategies: documents(
      ...services.map(({ name, strategy }) =>
        policy("MeshLoadBalancingStrategy", name, {
          to: [{ targetRef: { kind: "MeshService", name }, default: strategy }],
        }),
      ),
    ),
    who,
    url,
    async atWork({ name }) {
      const lines = (await portal.sidecar.admin("/clusters")).split("\n");
      const active = lines.filter((line) => line.includes(`_${name}_`) && /::rq_active::[1-9]/.test(line));
      return INSTANCES.filter((_, n) =>
        active.some((line) => line.includes(`::${world.site.block.address(FIRST_HOST + n)}:`)),
      );
    },
    reconnect() {
      for (const each of askers.values()) each.close();
      askers.clear();
    },
  };
}
