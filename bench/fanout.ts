import { pause } from "@skein/testbed";
import { type Arena, createArena, type Measured } from "./fanout/arena.ts";
import {
  extraInstance,
  MESH,
  type ModelProxy,
  meshTimeout,
  permission,
  type Reach,
} from "./fanout/mesh-model.ts";
import { wallMs } from "./harness/clock.ts";
import { type Figure, type Report, table } from "./harness/figure.ts";
import type { BenchOptions } from "./harness/options.ts";
import { PhaseMarks } from "./harness/phase-marks.ts";
import { cpuSeconds, residentMb } from "./harness/process-usage.ts";
import { median } from "./harness/stats.ts";

const LATER_MS = 30_000;
const IDLE_SECONDS = 20;
/** Longer than the control plane waits before it writes down what proxies acknowledged. */
const STATUS_WRITE_SECONDS = 12;
const RAMP_MS_PER_PROXY = 30;
const PAGE = 1_000;

const PROXIES: Readonly<Record<Reach, string>> = {
  outbounds: "proxies",
  listed: "transparent proxies that list what they call",
  all: "transparent proxies that may call everything",
};

/** Brings up simulated fleets and measures what changes of every size cost until all proxies have acknowledged. */
export async function fanout(options: BenchOptions): Promise<readonly Report[]> {
  const reports: Report[] = [];
  for (const size of options.sizes) reports.push(await measureSize(size, options));
  return reports;
}

async function measureSize(size: BenchOptions["sizes"][number], options: BenchOptions): Promise<Report> {
  const { policies = 0, profileDir, reach } = options;
  await using arena = await createArena({ ...size, reach, policies, profileDir });
  const among = policies === 0 ? "" : `, ${policies} policies`;
  const title = `Fan-out: ${size.proxies} ${PROXIES[reach]}, ${size.services} services${among}`;
  const kind = reach === "outbounds" ? "" : ` transparent, ${reach}`;
  const prefix = `fanout ${size.proxies}/${size.services}${policies === 0 ? "" : `/${policies}`}${kind}`;
  const figures: Figure[] = [];
  try {
    await measure(arena, options, (name, value, unit) => {
      figures.push({ figure: `${prefix}: ${name}`, value, unit });
    });
    return { title, figures };
  } catch (error) {
    process.stderr.write(`${table({ title: `${title}, until it failed`, figures })}\n`);
    process.stderr.write(`${arena.logs().slice(-4_000)}\n`);
    throw error;
  }
}

async function measure(arena: Arena, options: BenchOptions, add: Add): Promise<void> {
  const { repetitions, profileDir } = options;
  const { pid } = arena.controlPlane;
  const marks = new PhaseMarks(profileDir !== undefined);

  marks.begin("bring-up");
  const up = await arena.bringUp(arena.model.length * RAMP_MS_PER_PROXY);
  add("bring-up, first connection until all in sync", up.seconds, "s");
  add("bring-up, control-plane CPU", up.cpu, "s");
  add("resident memory after bring-up", residentMb(pid).now, "MB");
  await heap(arena, "after bring-up", add);

  marks.begin("settling");
  await pause(STATUS_WRITE_SECONDS * 1000);
  marks.begin("idle");
  add("idle CPU, of one core", (await idleCpu(pid)) * 100, "%");

  marks.begin("policy");
  await policyChanges(arena, repetitions, add);
  marks.begin("instances");
  await instances(arena, options, add);
  marks.begin("permission");
  await selectedPermission(arena, repetitions, add);
  marks.begin("reconnect");
  await reconnect(arena, add);
  marks.begin("end");

  await heap(arena, "after all changes", add);
  const memory = residentMb(pid);
  add("resident memory after all changes", memory.now, "MB");
  add("resident memory, highest", memory.peak, "MB");
  await pause(LATER_MS);
  add("resident memory half a minute later", residentMb(pid).now, "MB");
  marks.print();
}

type Add = (name: string, value: number, unit: Figure["unit"]) => void;

/** What the control plane's own metrics say its memory is. */
async function heap({ controlPlane }: Arena, when: string, add: Add): Promise<void> {
  const text = await (await fetch(`${controlPlane.diagnostics}/metrics`)).text();
  for (const [name, metric] of [
    ["JavaScript heap in use", "nodejs_heap_size_used_bytes"],
    ["JavaScript heap, taken", "nodejs_heap_size_total_bytes"],
    ["buffers outside of the heap", "nodejs_external_memory_bytes"],
  ] as const) {
    const value = Number(new RegExp(`^${metric} (\\S+)$`, "m").exec(text)?.[1]);
    add(`${name} ${when}`, value / 2 ** 20, "MB");
  }
}

async function idleCpu(pid: number): Promise<number> {
  const before = cpuSeconds(pid);
  await pause(IDLE_SECONDS * 1000);
  return (cpuSeconds(pid) - before) / IDLE_SECONDS;
}

/** Twice as many changes as asked for: the compiler still works on the first, as after each start of a control plane. */
async function policyChanges(arena: Arena, repetitions: number, add: Add): Promise<void> {
  const { api, controlPlane } = arena;
  let round = 0;
  const change = () => api.put(`/meshes/${MESH}/meshtimeouts/bench`, meshTimeout(round++));
  await arena.measure(change);
  for (const when of ["", ", once warm"]) {
    const runs: Measured[] = [];
    const before = cpuSeconds(controlPlane.pid);
    while (runs.length < repetitions) runs.push(reachedAll(arena, await arena.measure(change)));
    const clusters = runs.map(({ from, proxies }) =>
      proxies.map(({ cluster = Number.NaN }) => cluster - from),
    );
    const everything = runs.map(({ from, proxies }) => proxies.map(({ last }) => last - from));
    for (const [what, times] of [
      ["clusters", clusters],
      ["everything", everything],
    ] as const) {
      const name = `policy change${when === "" ? "" : `${when},`} until ACK of ${what}`;
      add(`${name}, first`, median(times.map((each) => Math.min(...each))), "ms");
      add(`${name}, median`, median(times.map(median)), "ms");
      add(`${name}, last`, median(times.map((each) => Math.max(...each))), "ms");
    }
    add(`policy change${when}, control-plane CPU`, mean(runs.map(({ cpu }) => cpu)), "s");
    const all = (cpuSeconds(controlPlane.pid) - before) / repetitions;
    add(`policy change${when}, control-plane CPU until the next`, all, "s");
  }

  const before = cpuSeconds(controlPlane.pid);
  await arena.measure(change);
  await pause(STATUS_WRITE_SECONDS * 1000);
  add(
    "policy change, control-plane CPU with the status writes after it",
    cpuSeconds(controlPlane.pid) - before,
    "s",
  );
}

function reachedAll({ model }: Arena, run: Measured): Measured {
  const reached = run.proxies.filter(({ cluster }) => cluster !== undefined).length;
  if (reached !== model.length || run.rejected > 0) {
    throw new Error(
      `${reached} of ${model.length} proxies acknowledged the clusters, ${run.rejected} rejected them`,
    );
  }
  return run;
}

async function instances(
  arena: Arena,
  { repetitions, reach }: Pick<BenchOptions, "repetitions" | "reach">,
  add: Add,
): Promise<void> {
  const { api, model } = arena;
  const joins: number[][] = [];
  const leaves: number[][] = [];
  const cpu: number[] = [];
  for (let at = 0; at < repetitions; at++) {
    const service = model[at % model.length]?.service ?? "";
    const users = reach === "all" ? model : model.filter(({ calls }) => calls.includes(service));
    const instance = extraInstance(service, at);
    const path = `/meshes/${MESH}/dataplanes/${instance.name}`;
    const join = await arena.measure(() => api.put(path, instance));
    joins.push(reachedUsers("an instance joined", join, users));
    cpu.push(join.cpu);
    leaves.push(reachedUsers("an instance left", await arena.measure(() => api.delete(path)), users));
  }
  for (const [name, runs] of [
    ["an instance joins until its users have it", joins],
    ["an instance leaves until its users know", leaves],
  ] as const) {
    const told = runs.filter((each) => each.length > 0);
    add(`${name}, median`, median(told.map(median)), "ms");
    add(`${name}, last`, median(told.map((each) => Math.max(...each))), "ms");
  }
  add("an instance joins, control-plane CPU", mean(cpu), "s");
}

/** Times until the users of a service acknowledged its endpoints. @throws when others were told or a user was not */
function reachedUsers(what: string, { from, proxies }: Measured, users: readonly ModelProxy[]): number[] {
  const told = new Map(proxies.map((each) => [each.proxy, each]));
  const missed = users.filter(({ index }) => told.get(index)?.endpoint === undefined);
  if (missed.length > 0 || told.size !== users.length) {
    throw new Error(`${what}: ${users.length} users, ${missed.length} not told, ${told.size} proxies told`);
  }
  return users.map(({ index }) => (told.get(index)?.endpoint ?? Number.NaN) - from);
}

async function selectedPermission(arena: Arena, repetitions: number, add: Add): Promise<void> {
  const { api, model } = arena;
  const last: number[] = [];
  for (let round = 0; round < repetitions; round++) {
    const app = model[0]?.service ?? "";
    const selected = new Set(model.filter(({ service }) => service === app).map(({ index }) => index));
    const { from, proxies } = await arena.measure(() =>
      api.put(
        `/meshes/${MESH}/meshtrafficpermissions/one`,
        permission("one", app, `/ns/bench/sa/caller-${round}`),
      ),
    );
    const others = proxies.filter(({ proxy }) => !selected.has(proxy)).length;
    if (proxies.length !== selected.size || others > 0) {
      throw new Error(
        `a permission for ${selected.size} proxies reached ${proxies.length}, ${others} of them others`,
      );
    }
    last.push(Math.max(...proxies.map((each) => each.last)) - from);
  }
  add("permission of one service until its last proxy has it", median(last), "ms");
}

async function reconnect({ api, fleet, controlPlane, model }: Arena, add: Add): Promise<void> {
  const before = await fleet.quiet(1_000);
  const cpu = cpuSeconds(controlPlane.pid);
  const from = wallMs();
  const { connectedAt } = await fleet.ask({ kind: "reconnect" });
  while ((await inSync(api)) < model.length) {
    if (wallMs() - from > 60_000)
      throw new Error("the proxies are not in sync a minute after they reconnected");
    await pause(100);
  }
  add("all reconnect at once until connected", (connectedAt - from) / 1000, "s");
  add("all reconnect at once until in sync", (wallMs() - from) / 1000, "s");
  const after = await fleet.quiet(1_000);
  add("all reconnect at once, control-plane CPU", cpuSeconds(controlPlane.pid) - cpu, "s");
  add("all reconnect at once, resources sent", after.resources - before.resources, "count");
}

/** Proxies that the control plane says are connected and in sync. */
async function inSync(api: Arena["api"]): Promise<number> {
  let count = 0;
  for (let offset = 0, total = 1; offset < total; offset += PAGE) {
    const path = `/meshes/${MESH}/_proxy-status?size=${PAGE}&offset=${offset}`;
    const page = (await api.get(path)) as { total: number; items: { state: string; connected: boolean }[] };
    total = page.total;
    count += page.items.filter(({ state, connected }) => connected && state === "in-sync").length;
  }
  return count;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
