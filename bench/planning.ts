import { collectGarbage } from "@skein/control-plane/collect-garbage";
import type { Fragment, ProxyConfig } from "@skein/control-plane/xds/fragment";
import { pause } from "@skein/testbed";
import { extraInstance, meshTimeout, permission } from "./fanout/mesh-model.ts";
import type { Figure, Report } from "./harness/figure.ts";
import { cpuMicroseconds, heldBytes, profiled } from "./harness/in-process.ts";
import type { BenchOptions } from "./harness/options.ts";
import { PhaseMarks } from "./harness/phase-marks.ts";
import { median } from "./harness/stats.ts";
import { PlannedWorld } from "./planning/planned-world.ts";
import { type PureMesh, pureMesh } from "./planning/pure-mesh.ts";

const POLICIES = [0, 200];
/** Of planning from nothing, the first of which warm the compiler up. */
const SCRATCH_ROUNDS = 7;
const WARM_UP = 2;

const TYPES = ["clusters", "endpoints", "listeners", "routes", "secrets"] as const;

/** What planning and translation cost for each proxy and what they hold, in this process and without a network. */
export async function planning(options: BenchOptions): Promise<readonly Report[]> {
  const { proxies, services } = options.sizes[0] ?? { proxies: 500, services: 100 };
  const reports: Report[] = [];
  for (const policies of options.policies === undefined ? POLICIES : [options.policies]) {
    const mesh = await pureMesh(proxies, services, policies);
    const figures: Figure[] = [];
    await profiled(options.profileDir, `planning-${policies}`, () =>
      measure(mesh, options, (name, value, unit) => {
        figures.push({ figure: `planning ${proxies}/${services}/${policies}: ${name}`, value, unit });
      }),
    );
    reports.push({
      title: `Planning: ${proxies} proxies, ${services} services, ${policies} policies`,
      figures,
    });
  }
  return reports;
}

type Add = (name: string, value: number, unit: Figure["unit"]) => void;

async function measure(mesh: PureMesh, { repetitions, profileDir }: BenchOptions, add: Add): Promise<void> {
  const marks = new PhaseMarks(profileDir !== undefined);
  const proxies = mesh.model.length;

  marks.begin("scratch");
  const scratch: number[] = [];
  for (let round = 0; round < SCRATCH_ROUNDS; round++) {
    await settle();
    const cpu = cpuMicroseconds(() => new PlannedWorld(mesh).plan());
    if (round >= WARM_UP) scratch.push(cpu);
  }
  add("from nothing, CPU of a proxy", median(scratch) / proxies, "µs");

  marks.begin("holding");
  const before = await settle();
  const world = new PlannedWorld(mesh);
  world.plan();
  const held = (await settle()) - before;
  add("memory held for a proxy", held / proxies, "bytes");
  sizes(world.configs(), add);

  const change = async (
    document: (round: number) => object,
  ): Promise<readonly [cpu: number, changed: number]> => {
    const cpu: number[] = [];
    let changed = 0;
    for (let round = -WARM_UP; round < repetitions; round++) {
      const changes = await mesh.write(document(round + WARM_UP));
      const used = cpuMicroseconds(() => {
        changed = world.take(changes);
      });
      if (round >= 0) cpu.push(used);
    }
    await settle();
    return [median(cpu), changed];
  };
  marks.begin("policy");
  const [policy, all] = await change(meshTimeout);
  if (all !== proxies) throw new Error(`a mesh-wide policy changed ${all} of ${proxies} configurations`);
  add("mesh-wide policy change, CPU of a proxy", policy / proxies, "µs");

  marks.begin("permission");
  const app = mesh.model[0]?.service ?? "";
  const [one, selected] = await change((round) => permission("one", app, `/ns/bench/sa/caller-${round}`));
  add("permission of one service, proxies changed", selected, "count");
  add("permission of one service, CPU", one, "µs");

  marks.begin("instances");
  const [joined, users] = await change((round) =>
    extraInstance(mesh.model[round % proxies]?.service ?? "", round),
  );
  add("an instance joins, users of the last one", users, "count");
  add("an instance joins, CPU", joined, "µs");
  marks.begin("end");
  marks.print();
}

/** What configurations weigh, as the bytes that go over the wire, and what of it is there once only. */
function sizes(configs: readonly ProxyConfig[], add: Add): void {
  const distinct = new Set<Fragment>();
  let count = 0;
  let all = 0;
  for (const type of TYPES) {
    let bytes = 0;
    for (const config of configs) {
      for (const fragment of config[type].values()) {
        bytes += fragment.resource.length;
        count += 1;
        distinct.add(fragment);
      }
    }
    all += bytes;
    add(`${type} of a proxy`, bytes / configs.length, "bytes");
  }
  add("configuration of a proxy", all / configs.length, "bytes");
  add("resources, sum over proxies", count, "count");
  add("resources, distinct", distinct.size, "count");
  add("bytes, sum over proxies", all, "bytes");
  add(
    "bytes, distinct",
    [...distinct].reduce((sum, { resource }) => sum + resource.length, 0),
    "bytes",
  );
}

/** Collects garbage until nothing more goes: what was held weakly goes a turn later, and its threads are done then. */
async function settle(): Promise<number> {
  let held = Number.POSITIVE_INFINITY;
  for (let left = heldBytes(); left < held * 0.999; left = heldBytes()) {
    held = left;
    for (let at = 0; at < 2; at++) {
      collectGarbage();
      await pause(50);
    }
  }
  return heldBytes();
}
