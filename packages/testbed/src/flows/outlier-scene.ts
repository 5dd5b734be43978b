import type { App } from "../world/service.ts";
import { type World, withWorld } from "../world/world.ts";
import { applied, documents, meshYaml, policy, resource } from "./scene.ts";
import { type Answered, asker, greeter } from "./who-answers.ts";

/** Hosts of the instances. Where a wreck is nobody listens, until somebody is started there. */
const HOSTS = {
  "check-in-api-1": 21,
  "check-in-api-2": 22,
  "check-in-api-3": 23,
  "wreck-1": 24,
  "wreck-2": 25,
  "flight-control-1": 31,
  "flight-control-2": 32,
  "wreck-3": 33,
} as const;

/** One instance of the fleet. */
export type Instance = keyof typeof HOSTS;

/** The instances that answer HTTP. */
export const THREE = ["check-in-api-1", "check-in-api-2", "check-in-api-3"] as const;
const FIRST_PORT = 10_001;

/** A service of the fleet, which the caller watches in a way of its own. */
export interface Watched {
  readonly instances: readonly Instance[];
  /** `outlierDetection` of the caller. */
  readonly detection: object;
  readonly tcp?: true;
}

/** What the caller's Envoy says about the instances of a service. */
export interface Judgement {
  /** Those that it leaves out. */
  readonly ejected: readonly Instance[];
  /** Percentage of good answers of each instance that had enough of them in the last interval. */
  readonly rates: ReadonlyMap<Instance, number>;
  /** Their mean, where enough instances have one. */
  readonly average: number | undefined;
}

/** Services that share the same instances: one caller has a cluster for each, and judges in each for itself. */
export interface Fleet<Name extends string> {
  readonly world: World;
  readonly hosts: typeof HOSTS;
  /** Kills the app of an instance; its sidecar goes on. */
  killApp(instance: Instance): Promise<void>;
  /** One GET to a service. */
  ask(service: Name, path?: string): Promise<Answered>;
  /** Who answers a GET to a service, or greets on a connection to it; empty where nobody does. */
  who(service: Name): Promise<string>;
  judgement(service: Name): Promise<Judgement>;
  /** Counters of the caller's `outlier_detection` for a service. */
  counters(service: Name): Promise<Readonly<Record<string, number>>>;
}

/** Starts the fleet with these services, and one caller that watches each of them as it says. */
export async function withFleet<Name extends string>(
  services: Readonly<Record<Name, Watched>>,
  body: (fleet: Fleet<Name>) => Promise<void>,
): Promise<void> {
  const names = Object.keys(services) as Name[];
  const portOf = (name: Name): number => FIRST_PORT + names.indexOf(name);
  await withWorld(async (world) => {
    await world.startControlPlane();
    const address = (host: number): string => world.site.block.address(host);
    const labels = (instance: Instance) =>
      Object.fromEntries(
        names.filter((name) => services[name].instances.includes(instance)).map((name) => [name, "yes"]),
      );
    const wreck = (instance: Instance, protocol: string): string =>
      resource("Dataplane", instance, {
        labels: labels(instance),
        networking: { address: address(HOSTS[instance]), inbound: [{ port: 8080, protocol }] },
      });
    await world.apply(
      documents(
        meshYaml(),
        ...names.map((name) =>
          resource("MeshService", name, {
            spec: {
              selector: { dataplaneLabels: { matchLabels: { [name]: "yes" } } },
              ports: [
                { port: 8080, targetPort: 8080, appProtocol: services[name].tcp === true ? "tcp" : "http" },
              ],
            },
          }),
        ),
        wreck("wreck-1", "http"),
        wreck("wreck-2", "http"),
        wreck("wreck-3", "tcp"),
      ),
    );
    const apps = new Map<Instance, App>();
    const start = async (service: string, instance: Instance, tcp = false): Promise<void> => {
      const spec = { service, instance, host: HOSTS[instance], labels: labels(instance), tcp };
      apps.set(instance, (await world.startService(spec)).app);
    };
    const [portal] = await Promise.all([
      world.startService({
        service: "passenger-portal",
        host: 11,
        outbounds: names.map((service) => ({ service, port: portOf(service) })),
      }),
      ...THREE.map((instance) => start("check-in-api", instance)),
      start("flight-control", "flight-control-1", true),
      start("flight-control", "flight-control-2", true),
    ]);
    await applied(
      world,
      policy("MeshCircuitBreaker", "outliers", {
        to: names.map((name) => ({
          targetRef: { kind: "MeshService", name },
          default: { outlierDetection: services[name].detection },
        })),
      }),
    );
    const clients = new Map(names.map((name) => [name, asker(`http://${address(11)}:${portOf(name)}`)]));
    const ask = async (service: Name, path = "/"): Promise<Answered> => {
      const client = clients.get(service);
      if (client === undefined) throw new Error(`no service ${service}`);
      return await client.ask(path);
    };
    const fleet: Fleet<Name> = {
      world,
      hosts: HOSTS,
      killApp: async (instance) => {
        await apps.get(instance)?.child.kill();
      },
      ask,
      who: async (service) =>
        services[service].tcp === true
          ? await greeter(address(11), portOf(service))
          : (await ask(service)).instance,
      judgement: async (service) =>
        judged(await portal.sidecar.admin("/clusters"), service, (host) => {
          const found = Object.entries(HOSTS).find(([, each]) => address(each) === host);
          if (found === undefined) throw new Error(`nobody of the fleet is at ${host}`);
          return found[0] as Instance;
        }),
      counters: async (service) => {
        const stats = await portal.sidecar.stats(`^cluster\\..*_${service}_.*\\.outlier_detection\\.`);
        return Object.fromEntries(
          [...stats].map(([name, value]) => [name.replace(/^.*\.outlier_detection\./, ""), value]),
        );
      },
    };
    try {
      await body(fleet);
    } finally {
      for (const client of clients.values()) client.close();
    }
  });
}

/** Reads Envoy's `/clusters`: lines of a cluster, what of it, and the value, with `::` between them. */
function judged(clusters: string, service: string, instanceAt: (address: string) => Instance): Judgement {
  const ejected: Instance[] = [];
  const rates = new Map<Instance, number>();
  let average: number | undefined;
  for (const line of clusters.split("\n")) {
    const [cluster = "", of = "", what, value = ""] = line.split("::");
    if (!cluster.includes(`_${service}_`)) continue;
    if (of === "outlier" && what === "success_rate_average") average = known(value);
    if (what === "health_flags" && value.includes("/failed_outlier_check")) ejected.push(hostOf(of));
    const rate = what === "success_rate" ? known(value) : undefined;
    if (rate !== undefined) rates.set(hostOf(of), rate);
  }
  function hostOf(endpoint: string): Instance {
    return instanceAt(endpoint.replace(/:\d+$/, ""));
  }
  return { ejected: ejected.sort(), rates, average };
}

/** Envoy says -1 where there is no rate. */
function known(value: string): number | undefined {
  return Number(value) < 0 ? undefined : Number(value);
}
