import assert from "node:assert/strict";
import { ALLOW_ALL, identity, idOf, meshTls } from "@skein/testbed/flows/documents";
import { documents, MESH } from "@skein/testbed/flows/scene";
import {
  APP_UID,
  type RunningProxy,
  type TransparentScene,
  withTransparentScene,
} from "@skein/testbed/flows/transparent-scene";
import { until } from "@skein/testbed/poll";
import { CannotRun } from "./harness/cannot-run.ts";
import type { Figure, Report } from "./harness/figure.ts";
import type { BenchOptions } from "./harness/options.ts";
import { serviceAddress } from "./harness/service-address.ts";
import { median } from "./harness/stats.ts";
import { load } from "./sidecar/load.ts";
import type { LoadResult } from "./sidecar/load-process.ts";

/** The measured seconds of a way are spread over so many rounds of all ways, so that noise hits all alike. */
const ROUNDS = 5;
const PORT = 8080;
const APP_PORT = 8081;
const OUTBOUND_PORT = 10_001;
const CALLEES = ["plain-callee", "explicit-callee", "redirected-callee"] as const;
const HOSTS = ["plain-caller", "explicit-caller", "redirected-caller", ...CALLEES] as const;
/** The machine's own DNS is nowhere: what is answered is answered by the mesh. */
const NO_RESOLVER = "192.0.2.53";

/** A way to call an application on another host. */
interface Way {
  readonly name: string;
  /** The host that calls. */
  readonly from: (typeof HOSTS)[number];
  readonly host: string;
  readonly port: number;
}

/** How connections are used. */
interface Use {
  readonly name: string;
  readonly connections: number;
  readonly renewed: boolean;
}

const USES: readonly Use[] = [
  { name: "1 connection", connections: 1, renewed: false },
  { name: "8 connections", connections: 8, renewed: false },
  { name: "a new connection each", connections: 1, renewed: true },
];

/** What redirection by real rules adds to a call, against explicit outbounds and against no proxies at all. */
export async function transparent({ loadSeconds }: BenchOptions): Promise<readonly Report[]> {
  if (process.geteuid?.() !== 0)
    throw new CannotRun("needs root, for hosts with firewall rules of their own: run it as root");
  const figures: Figure[] = [];
  await withTransparentScene({ hosts: HOSTS, documents: DOCUMENTS }, async (scene) => {
    const ways = await start(scene);
    const byName: Way = { ...ways.redirected, name: "by its name", host: "redirected-callee.svc.mesh.local" };
    await proven(scene, { ...ways, byName });
    const kept = [ways.direct, ways.explicit, ways.redirected];
    for (const use of USES) {
      const all = use.renewed ? [...kept, byName] : kept;
      const results = await inRounds(scene, use, all, loadSeconds / ROUNDS);
      figures.push(...all.flatMap((way) => figuresOf(`transparent: ${use.name}, ${way.name}`, results(way))));
      const added = (by: string, way: Way, than: Way): Figure => {
        const others = results(than);
        const more = results(way).map((result, at) => result.median - (others[at]?.median ?? Number.NaN));
        return { figure: `transparent: ${use.name}, ${by}, median`, value: median(more), unit: "µs" };
      };
      figures.push(added("added by redirection", ways.redirected, ways.explicit));
      if (!use.renewed) continue;
      figures.push(added("added by the name", byName, ways.redirected));
      const lookups = results(byName).map(({ lookup }) => lookup ?? Number.NaN);
      const figure = `transparent: ${use.name}, ${byName.name}, of that the lookup, median`;
      figures.push({ figure, value: median(lookups), unit: "µs" });
    }
  });
  const title = "Transparent proxying: hosts with real rules, strict mutual TLS, one Envoy worker each";
  return [{ title, figures }];
}

interface Ways {
  readonly direct: Way;
  readonly explicit: Way;
  readonly redirected: Way;
}

/** Three pairs of hosts: without anything, with proxies and outbounds, and with redirected connections. */
async function start(scene: TransparentScene): Promise<Ways> {
  const { world } = scene;
  scene.host("redirected-caller").resolvers([NO_RESOLVER]);
  await Promise.all([
    scene.startApp("plain-callee", PORT),
    scene.startApp("explicit-callee", APP_PORT),
    scene.startApp("redirected-callee", PORT),
  ]);
  const inbound = (service: string): object => ({
    port: PORT,
    protocol: "http",
    tags: { "kuma.io/service": service },
  });
  const args = ["--unified-naming", "--concurrency", "1"];
  const ref = { kind: "MeshService", name: "explicit-callee", port: PORT };
  const proxies = await Promise.all([
    scene.startProxy("explicit-caller", {
      networking: { outbound: [{ address: "127.0.0.1", port: OUTBOUND_PORT, backendRef: ref }] },
      args,
      installArgs: false,
    }),
    scene.startProxy("explicit-callee", {
      networking: { inbound: [{ ...inbound("explicit-callee"), servicePort: APP_PORT }] },
      args,
      installArgs: false,
    }),
    scene.startProxy("redirected-caller", {
      networking: {},
      args: [...args, "--transparent-proxy"],
      installArgs: ["--redirect-dns"],
    }),
    scene.startProxy("redirected-callee", {
      networking: { inbound: [inbound("redirected-callee")] },
      args: [...args, "--transparent-proxy"],
    }),
  ]);
  await Promise.all(proxies.map(oneWorker));
  const vip = await serviceAddress(world.controlPlane.api, MESH, "redirected-callee");
  return {
    direct: {
      name: "without proxies",
      from: "plain-caller",
      host: scene.host("plain-callee").ipv4,
      port: PORT,
    },
    explicit: {
      name: "by an explicit outbound",
      from: "explicit-caller",
      host: "127.0.0.1",
      port: OUTBOUND_PORT,
    },
    redirected: { name: "redirected, by its address", from: "redirected-caller", host: vip, port: PORT },
  };
}

async function oneWorker(proxy: RunningProxy): Promise<void> {
  const stats = await proxy.stats("^server\\.concurrency$");
  assert.deepEqual([...stats.values()], [1], "Envoy has one worker");
}

/** Every way leads where its name says: the applications see who calls, by the certificate. */
async function proven(scene: TransparentScene, ways: Ways & { readonly byName: Way }): Promise<void> {
  for (const [{ name, from, host, port }, caller] of [
    [ways.direct, null],
    [ways.explicit, idOf("explicit-caller")],
    [ways.redirected, idOf("redirected-caller")],
    [ways.byName, idOf("redirected-caller")],
  ] as const) {
    await until(
      `the caller of what is called ${name} is ${caller ?? "nobody"}`,
      async () => {
        const { status, answer, error } = await scene.call(from, `http://${host}:${port}/`);
        assert.equal(status, 200, error);
        assert.equal(answer.caller, caller);
        return true;
      },
      { timeoutMs: 60_000 },
    );
  }
}

/** Calls in all ways, one after the other, round after round, each time beginning with another. */
async function inRounds(
  scene: TransparentScene,
  { connections, renewed }: Use,
  ways: readonly Way[],
  seconds: number,
): Promise<(way: Way) => readonly LoadResult[]> {
  const results = new Map(ways.map((way) => [way, [] as LoadResult[]]));
  for (let round = 0; round < ROUNDS; round++) {
    const first = round % ways.length;
    for (const way of [...ways.slice(first), ...ways.slice(0, first)]) {
      const { from, host, port } = way;
      const order = { host, port, path: "/healthz", connections, renewed, seconds };
      const result = await load(order, (words) => scene.host(from).command(words, { uid: APP_UID }));
      results.get(way)?.push(result);
    }
  }
  return (way) => results.get(way) ?? [];
}

function figuresOf(name: string, results: readonly LoadResult[]): readonly Figure[] {
  const of = (value: (result: LoadResult) => number): number => median(results.map(value));
  return [
    { figure: `${name}, median`, value: of((result) => result.median), unit: "µs" },
    { figure: `${name}, p99`, value: of(({ p99 }) => p99), unit: "µs" },
    { figure: `${name}, requests`, value: of(({ requests, seconds }) => requests / seconds), unit: "1/s" },
  ];
}

const DOCUMENTS = documents(
  `type: Mesh\nname: ${MESH}\nmeshServices: {mode: Exclusive}\n`,
  identity(),
  meshTls({ mode: "Strict" }),
  ALLOW_ALL,
);
