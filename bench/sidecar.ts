import { pause, type Sidecar, until, type World, withWorld } from "@skein/testbed";
import type { Figure, Report } from "./harness/figure.ts";
import type { BenchOptions } from "./harness/options.ts";
import { childrenOf, cpuSeconds, residentMb } from "./harness/process-usage.ts";
import { load } from "./sidecar/load.ts";

const PORT = 10_001;
const RATE = 1_000;
const MESH = "bench";
const PATH = "/healthz";

/** Two real sidecars between a caller and an app: what they add to a request, and what they take. */
export async function sidecar({ loadSeconds }: BenchOptions): Promise<readonly Report[]> {
  return withWorld(
    async (world) => {
      await world.startControlPlane();
      for (const document of DOCUMENTS) await world.apply(document);
      const server = await world.startService({ service: "server", host: 11 });
      const outbounds = [{ service: "server", port: PORT }];
      const client = await world.startSidecar({ service: "client", host: 12, outbounds });
      const through = { host: client.address, port: PORT, path: PATH };
      const direct = { host: new URL(server.app.url).hostname, port: 8080, path: PATH };
      await until(
        "the call gets through",
        async () => {
          const answer = await fetch(`http://${through.host}:${through.port}${PATH}`);
          await answer.text();
          return answer.ok;
        },
        { timeoutMs: 30_000 },
      );
      const figures = [
        ...(await latencies(direct, through, loadSeconds)),
        ...(await cpuPerRequest([client, server.sidecar], through, loadSeconds)),
        ...(await permissionSeen(world, through)),
        ...memory(server.sidecar),
      ];
      return [
        { title: "Sidecar: two real ones on loopback, strict mutual TLS, one Envoy worker each", figures },
      ];
    },
    { mesh: MESH },
  );
}

interface Target {
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

async function latencies(direct: Target, through: Target, seconds: number): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const connections of [1, 8]) {
    for (const [way, target] of [
      ["direct", direct],
      ["through both", through],
    ] as const) {
      const result = await load({ ...target, connections, seconds });
      const name = `sidecar: ${connections} connection${connections === 1 ? "" : "s"}, ${way}`;
      figures.push(
        { figure: `${name}, median`, value: result.median, unit: "µs" },
        { figure: `${name}, p99`, value: result.p99, unit: "µs" },
        { figure: `${name}, requests`, value: result.requests / result.seconds, unit: "1/s" },
      );
    }
  }
  return figures;
}

async function cpuPerRequest(
  pair: readonly Sidecar[],
  through: Target,
  seconds: number,
): Promise<readonly Figure[]> {
  const used = (): readonly number[] => pair.map((each) => cpuSeconds(envoyPid(each)));
  const before = used();
  const result = await load({ ...through, connections: 8, seconds, rate: RATE });
  const after = used();
  const requests = (result.requests * (seconds + 1)) / seconds;
  const figures = pair.map(
    ({ name }, at): Figure => ({
      figure: `sidecar: CPU of a request at ${RATE}/s, ${name}'s Envoy`,
      value: (((after[at] ?? 0) - (before[at] ?? 0)) * 1e6) / requests,
      unit: "µs",
    }),
  );
  return [
    ...figures,
    { figure: `sidecar: ${RATE}/s through both, median`, value: result.median, unit: "µs" },
  ];
}

/** The median of several grants and removals: from the write until the caller's answer is the other one. */
async function permissionSeen(world: World, { host, port }: Target): Promise<readonly Figure[]> {
  const path = `${world.controlPlane.api}/meshes/${MESH}/meshtrafficpermissions/everybody`;
  const times: { readonly granted: number[]; readonly removed: number[] } = { granted: [], removed: [] };
  for (let round = 0; round < 5; round++) {
    for (const [verb, trustDomain, status] of [
      ["removed", "other", 403],
      ["granted", "bench", 200],
    ] as const) {
      const from = performance.now();
      const answer = await fetch(path, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(permission(trustDomain)),
      });
      await answer.text();
      if (!answer.ok) throw new Error(`the permission was refused: ${answer.status}`);
      await until(
        `calls answer ${status}`,
        async () => {
          const call = await fetch(`http://${host}:${port}${PATH}`);
          await call.text();
          return call.status === status;
        },
        { intervalMs: 1 },
      );
      times[verb].push(performance.now() - from);
      await pause(100);
    }
  }
  return (["granted", "removed"] as const).map((verb) => ({
    figure: `sidecar: a permission ${verb} until a caller sees it`,
    value: times[verb].sort((a, b) => a - b)[2] ?? Number.NaN,
    unit: "ms",
  }));
}

function memory(of: Sidecar): readonly Figure[] {
  const envoy = envoyPid(of);
  return [
    { figure: "sidecar: resident memory, launcher", value: residentMb(of.child.pid).now, unit: "MB" },
    { figure: "sidecar: resident memory, Envoy", value: residentMb(envoy).now, unit: "MB" },
  ];
}

/** Envoy is the launcher's child, or the launcher itself once it has become Envoy. */
function envoyPid({ child }: Sidecar): number {
  return childrenOf(child.pid)[0] ?? child.pid;
}

function permission(trustDomain: string): object {
  return {
    type: "MeshTrafficPermission",
    mesh: MESH,
    name: "everybody",
    spec: {
      rules: [
        {
          default: { allow: [{ spiffeID: { type: "Prefix", value: `spiffe://${trustDomain}.mesh.local` } }] },
        },
      ],
    },
  };
}

const DOCUMENTS = [
  `type: Mesh\nname: ${MESH}\nmeshServices: {mode: Exclusive}\n`,
  `type: MeshIdentity
mesh: ${MESH}
name: identity
spec:
  selector: {dataplane: {matchLabels: {}}}
  spiffeID: {trustDomain: bench.mesh.local, path: '/ns/bench/sa/{{ label "app" }}'}
  provider: {type: Bundled, bundled: {insecureAllowSelfSigned: true, autogenerate: {enabled: true}}}
`,
  `type: MeshTLS\nmesh: ${MESH}\nname: strict\nspec: {rules: [{default: {mode: Strict}}]}\n`,
  JSON.stringify(permission("bench")),
];
