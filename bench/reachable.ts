import { collectGarbage } from "@skein/control-plane/collect-garbage";
import { pause, type Sidecar, until, type World, withWorld } from "@skein/testbed";
import { dataplane, meshTimeout, modelMesh, SECURITY, transparentDataplane } from "./fanout/mesh-model.ts";
import { createApiClient } from "./harness/api-client.ts";
import type { Figure, Report } from "./harness/figure.ts";
import { cpuMicroseconds, heldBytes } from "./harness/in-process.ts";
import type { BenchOptions } from "./harness/options.ts";
import { childrenOf, cpuSeconds, residentMb } from "./harness/process-usage.ts";
import { median } from "./harness/stats.ts";
import { PlannedWorld } from "./planning/planned-world.ts";
import { type PureMesh, pureMesh } from "./planning/pure-mesh.ts";

const SERVICES = 1_000;
const PROXIES = 500;
const CALLED = 5;
const WARM_UP = 2;
/** Envoy takes half a minute of a core for a thousand clusters with mutual TLS. */
const DEADLINE_MS = 400_000;
const ENVOY_SETTLE_MS = 5_000;

/** What it costs that a transparent proxy may call every service of a large mesh, and what listing five of them saves. */
export async function reachable(options: BenchOptions): Promise<readonly Report[]> {
  const services = options.chosen?.services ?? SERVICES;
  const proxies = options.chosen?.proxies ?? PROXIES;
  const figures: Figure[] = [];
  for (const listing of [false, true]) {
    const what = listing ? `${CALLED} reachable backends` : "everything reachable";
    const add = (name: string, value: number, unit: Figure["unit"]): void => {
      figures.push({ figure: `reachable ${services}, ${what}: ${name}`, value, unit });
    };
    await inRealEnvoy(services, listing, add);
    await inProcess(proxies, services, listing, options.repetitions, add);
  }
  return [{ title: `Reachability: ${services} services, ${proxies} transparent proxies`, figures }];
}

type Add = (name: string, value: number, unit: Figure["unit"]) => void;

/** One real Envoy: what reaches it over xDS and what it holds. */
async function inRealEnvoy(services: number, listing: boolean, add: Add): Promise<void> {
  await withWorld(
    async (world) => {
      await world.startControlPlane();
      const api = createApiClient(world.controlPlane.api);
      for (const [path, document] of SECURITY) await api.put(path, document);
      for (const each of modelMesh(services, services)) {
        await api.put(`/meshes/default/dataplanes/${each.name}`, { ...dataplane(each) });
      }
      await addressed(world, services);
      const refs = Array.from({ length: CALLED }, (_, at) => ({ kind: "MeshService", name: `svc-${at}` }));
      const sidecar = await world.startSidecar({
        service: "caller",
        readyMs: DEADLINE_MS,
        transparentProxying: {
          redirectPortOutbound: 25_001,
          ...(listing ? { reachableBackends: { refs } } : {}),
        },
      });
      const wanted = listing ? CALLED : services;
      await until(
        `the caller has ${wanted} outbounds`,
        async () => {
          const listeners = (await sidecar.admin("/listeners")).split("\n");
          return listeners.filter((line) => /241\.\d+\.\d+\.\d+:/.test(line)).length >= wanted;
        },
        { timeoutMs: DEADLINE_MS },
      );
      add("Envoy, CPU until it is complete", cpuSeconds(envoyPid(sidecar)), "s");
      await pause(ENVOY_SETTLE_MS);
      const received = await sidecar.stats("cluster.ads_cluster.upstream_cx_rx_bytes_total");
      add("received over xDS until it is complete", [...received.values()][0] ?? Number.NaN, "bytes");
      const memory = JSON.parse(await sidecar.admin("/memory")) as { readonly allocated: string };
      add("Envoy, memory in use", Number(memory.allocated) / 2 ** 20, "MB");
      add("Envoy, resident memory", residentMb(envoyPid(sidecar)).now, "MB");
    },
    { mesh: "default" },
  );
}

/** Naming has found the services of all dataplanes, and each has an address. */
async function addressed(world: World, services: number): Promise<void> {
  await until(
    "every service has an address",
    async () => {
      const answer = await fetch(`${world.controlPlane.api}/meshes/default/meshservices?size=1000`);
      const { items } = (await answer.json()) as { items: { status?: { vips?: unknown[] } }[] };
      return (
        items.filter(({ status }) => (status?.vips ?? []).length > 0).length >= Math.min(services, 1_000)
      );
    },
    { timeoutMs: 120_000 },
  );
}

/** Envoy is the launcher's child, or the launcher itself once it has become Envoy. */
function envoyPid({ child }: Sidecar): number {
  return childrenOf(child.pid)[0] ?? child.pid;
}

/** Planning and translation for all proxies, in this process and without a network. */
async function inProcess(
  proxies: number,
  services: number,
  listing: boolean,
  repetitions: number,
  add: Add,
): Promise<void> {
  const mesh = await pureMesh(proxies, services, 0, {
    called: CALLED,
    dataplane: (proxy) => transparentDataplane(proxy, listing),
  });
  new PlannedWorld(mesh).plan();
  const before = await settled();
  const world = new PlannedWorld(mesh);
  const scratch = cpuMicroseconds(() => world.plan());
  add("from nothing, CPU of a proxy", scratch / proxies, "µs");
  add("memory held for a proxy", ((await settled()) - before) / proxies, "bytes");
  const [config] = world.configs();
  let bytes = 0;
  let count = 0;
  for (const type of ["clusters", "endpoints", "listeners", "routes", "secrets"] as const) {
    for (const { resource } of config?.[type].values() ?? []) {
      bytes += resource.length;
      count += 1;
    }
  }
  add("configuration of a proxy", bytes, "bytes");
  add("resources of a proxy", count, "count");
  const change = async (name: string, document: (round: number) => object): Promise<void> => {
    const cpu: number[] = [];
    let changed = 0;
    for (let round = -WARM_UP; round < repetitions; round++) {
      const changes = await mesh.write(document(round + WARM_UP));
      const used = cpuMicroseconds(() => {
        changed = world.take(changes);
      });
      if (round >= 0) cpu.push(used);
    }
    add(`${name}, CPU`, median(cpu), "µs");
    add(`${name}, proxies changed`, changed, "count");
  };
  const called = mesh.model[0]?.calls[0] ?? "";
  await change("an instance of a service comes", (round) => instance(mesh, called, round));
  await change("a timeout of one service", (round) => serviceTimeout(called, round));
  await change("a timeout of the mesh", meshTimeout);
}

function instance({ model }: PureMesh, service: string, at: number): object {
  const index = model.length + at;
  return transparentDataplane({ index, name: `extra-${at}`, service, calls: [] }, true);
}

function serviceTimeout(service: string, round: number): object {
  return {
    type: "MeshTimeout",
    mesh: "default",
    name: "one",
    spec: {
      to: [
        {
          targetRef: { kind: "MeshService", name: service },
          default: { connectionTimeout: `${round + 3}s`, http: { requestTimeout: `${round + 20}s` } },
        },
      ],
    },
  };
}

/** What was held weakly goes a turn later. */
async function settled(): Promise<number> {
  for (let at = 0; at < 4; at++) {
    collectGarbage();
    await pause(50);
  }
  return heldBytes();
}
