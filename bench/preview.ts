import { performance } from "node:perf_hooks";
import { collectGarbage } from "@skein/control-plane/collect-garbage";
import { type LiveWorld, liveWorld, put } from "@skein/control-plane/preview/testing/live-world";
import {
  dataplane,
  MESH,
  meshTimeout,
  modelMesh,
  permission,
  SECURITY,
  serviceName,
} from "./fanout/mesh-model.ts";
import { mixedPolicies } from "./fanout/mixed-policies.ts";
import type { Figure, Report } from "./harness/figure.ts";
import type { BenchOptions } from "./harness/options.ts";
import { median } from "./harness/stats.ts";

const ROUNDS = 3;

/**
 * What a preview costs. The control plane's pure part in this process, every proxy planned, then a mesh-wide timeout, a
 * permission of one service, and an instance that goes.
 */
export async function preview({ sizes, policies = 0 }: BenchOptions): Promise<readonly Report[]> {
  const { proxies, services } = sizes[0] ?? { proxies: 500, services: 100 };
  const model = modelMesh(proxies, services);
  const { api, world } = liveWorld({ isConnected: () => true });
  await put(api, ...SECURITY.map(([, document]) => document as Record<string, unknown>));
  world.mesh(MESH).stage.set("kri_mid_default_zone-1__identity_", "enforced");
  await put(
    api,
    ...Array.from({ length: services }, (_, i) => ({
      type: "MeshService",
      mesh: MESH,
      name: serviceName(i),
      spec: {
        selector: { dataplaneTags: { "kuma.io/service": serviceName(i) } },
        ports: [{ port: 8080, targetPort: 8080, appProtocol: "http" }],
      },
    })),
    ...mixedPolicies(policies, model).map(([, document]) => document),
    ...model.map(dataplane),
    meshTimeout(0) as Record<string, unknown>,
  );
  const mesh = world.mesh(MESH);
  for (const name of mesh.index.dataplaneNames()) mesh.config.at(name).get();

  const changes = {
    "a mesh-wide timeout": [asPut(meshTimeout(1))],
    "a permission of one service": [asPut(permission("one", serviceName(0), "/ns/bench/sa/svc-1"))],
    "nobody is let in any more": [
      { op: "delete", type: "MeshTrafficPermission", mesh: MESH, name: "everybody" },
    ],
    "an instance that goes": [{ op: "delete", type: "Dataplane", mesh: MESH, name: `${serviceName(0)}-0` }],
  };
  const figures: Figure[] = [];
  for (const [what, list] of Object.entries(changes)) {
    const runs: Run[] = [];
    for (let round = 0; round < ROUNDS; round++) runs.push(await run(api, list));
    const add = (name: string, value: (run: Run) => number, unit: Figure["unit"]): void => {
      const prefix = `preview ${proxies}/${services}/${policies}`;
      figures.push({ figure: `${prefix}: ${what}, ${name}`, value: median(runs.map(value)), unit });
    };
    add("answered after", ({ took }) => took, "ms");
    add("CPU", ({ cpu }) => cpu, "ms");
    add("CPU of the longest turn", ({ longest }) => longest, "ms");
    add("heap at the most", ({ most }) => most / 2 ** 20, "MB");
    add("heap left", ({ left }) => left / 2 ** 20, "MB");
    add("answer", ({ bytes }) => bytes, "bytes");
  }
  return [{ title: `Preview: ${proxies} proxies, ${services} services, ${policies} policies`, figures }];
}

interface Run {
  readonly took: number;
  readonly cpu: number;
  readonly longest: number;
  readonly most: number;
  readonly left: number;
  readonly bytes: number;
}

async function run(api: LiveWorld["api"], changes: readonly object[]): Promise<Run> {
  collectGarbage();
  const held = process.memoryUsage().heapUsed;
  let most = held;
  const sampling = setInterval(() => {
    most = Math.max(most, process.memoryUsage().heapUsed);
  }, 5);
  const turns = watchTurns();
  const before = process.cpuUsage();
  const start = performance.now();
  const { status, text } = await api.call("POST", "/_preview", { changes });
  const took = performance.now() - start;
  const { user, system } = process.cpuUsage(before);
  const longest = turns.end();
  clearInterval(sampling);
  if (status !== 200) throw new Error(text);
  collectGarbage();
  const left = process.memoryUsage().heapUsed - held;
  return { took, cpu: (user + system) / 1000, longest, most: most - held, left, bytes: text.length };
}

function asPut(document: object) {
  return {
    op: "put",
    type: Reflect.get(document, "type"),
    mesh: MESH,
    name: Reflect.get(document, "name"),
    resource: document,
  };
}

/** The CPU time of the longest turn of the event loop: unlike its delay, not what other programs take. */
function watchTurns(): { readonly end: () => number } {
  let longest = 0;
  let last = process.threadCpuUsage();
  let isOver = false;
  const turn = (): void => {
    const { user, system } = process.threadCpuUsage(last);
    longest = Math.max(longest, (user + system) / 1000);
    last = process.threadCpuUsage();
    if (!isOver) setImmediate(turn);
  };
  setImmediate(turn);
  return {
    end: () => {
      isOver = true;
      return longest;
    },
  };
}
