import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { liveWorld, put } from "../packages/control-plane/src/preview/testing/live-world.ts";
import {
  dataplane,
  MESH,
  meshTimeout,
  modelMesh,
  permission,
  SECURITY,
  serviceName,
} from "./fanout/mesh-model.ts";

/**
 * What a preview costs: `node bench/preview.ts [PROXIES] [SERVICES]`. The control plane's pure part in this process,
 * every proxy planned, then a mesh-wide timeout, a permission of one service, and an instance that goes.
 */
const [proxies = 500, services = 100] = process.argv.slice(2).map(Number);
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

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
  ...modelMesh(proxies, services).map(dataplane),
  meshTimeout(0) as Record<string, unknown>,
);
const mesh = world.mesh(MESH);
const began = performance.now();
for (const name of mesh.index.dataplaneNames()) mesh.config.at(name).get();
console.log(`planning ${proxies} proxies from nothing: ${(performance.now() - began).toFixed(0)} ms`);

const changes = {
  "a mesh-wide timeout": [asPut(meshTimeout(1))],
  "a permission of one service": [asPut(permission("one", serviceName(0), "/ns/bench/sa/svc-1"))],
  "nobody is let in any more": [
    { op: "delete", type: "MeshTrafficPermission", mesh: MESH, name: "everybody" },
  ],
  "an instance that goes": [{ op: "delete", type: "Dataplane", mesh: MESH, name: `${serviceName(0)}-0` }],
};
for (const [what, list] of Object.entries(changes)) {
  for (const round of [1, 2]) {
    collect();
    const held = process.memoryUsage().heapUsed;
    let most = held;
    const sampling = setInterval(() => {
      most = Math.max(most, process.memoryUsage().heapUsed);
    }, 5);
    const turns = watchTurns();
    const cpu = process.cpuUsage();
    const start = performance.now();
    const { status, json, text } = await api.call("POST", "/_preview", { changes: list });
    const took = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    const longest = turns.end();
    clearInterval(sampling);
    if (status !== 200) throw new Error(text);
    collect();
    const left = process.memoryUsage().heapUsed - held;
    const mb = (bytes: number): string => `${(bytes / 1_048_576).toFixed(1)} MB`;
    console.log(
      `${what} (${round}): ${took.toFixed(0)} ms (CPU ${((user + system) / 1000).toFixed(0)} ms), ${json.proxies.changed} proxies, ${json.access.total} pairs, ` +
        `answer ${(text.length / 1024).toFixed(0)} KB; longest turn ${longest.toFixed(0)} ms of CPU; heap +${mb(most - held)} at the most, ${mb(left)} after`,
    );
  }
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
