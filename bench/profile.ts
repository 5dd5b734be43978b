import { readFileSync } from "node:fs";
import { basename } from "node:path";

interface Profile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
}

const SHOWN = 25;

/**
 * Prints where a control plane's time went: `node bench/profile.ts FILE.cpuprofile PHASE=MICROSECONDS …`, the phases as
 * `PROFILE=DIR make bench NAME=fanout` prints them.
 */
const [file = "", ...marks] = process.argv.slice(2);
const profile = JSON.parse(readFileSync(file, "utf8")) as Profile;
const names = new Map(
  profile.nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => [
    id,
    `${functionName || "(anonymous)"} ${place(url)}${url === "" ? "" : `:${lineNumber + 1}`}`,
  ]),
);
const parents = new Map(
  profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
);
const phases = marks.map((mark) => {
  const [name = "", at = "0"] = mark.split("=");
  return { name, from: Number(at) };
});
if (phases.length === 0) phases.push({ name: "all", from: 0 });

for (const [at, phase] of phases.entries())
  print(phase.name, phase.from, phases[at + 1]?.from ?? Number.POSITIVE_INFINITY);

function print(name: string, from: number, until: number): void {
  const own = new Map<string, number>();
  const total = new Map<string, number>();
  let time = profile.startTime;
  let all = 0;
  for (const [at, id] of profile.samples.entries()) {
    time += profile.timeDeltas[at] ?? 0;
    if (time < from || time >= until) continue;
    const spent = (profile.timeDeltas[at + 1] ?? 0) / 1000;
    const leaf = names.get(id) ?? "";
    if (leaf.startsWith("(idle)")) continue;
    all += spent;
    own.set(leaf, (own.get(leaf) ?? 0) + spent);
    const seen = new Set<string>();
    for (let each: number | undefined = id; each !== undefined; each = parents.get(each)) {
      const frame = names.get(each) ?? "";
      if (!seen.has(frame)) total.set(frame, (total.get(frame) ?? 0) + spent);
      seen.add(frame);
    }
  }
  console.log(`\n== ${name}: ${all.toFixed(0)} ms of CPU on the main thread\n-- self`);
  printTop(own, all);
  console.log("-- with callees");
  printTop(new Map([...total].filter(([frame]) => frame.includes("/") && !frame.includes("node:"))), all);
}

function printTop(times: ReadonlyMap<string, number>, all: number): void {
  for (const [frame, spent] of [...times].sort((a, b) => b[1] - a[1]).slice(0, SHOWN)) {
    console.log(
      `${spent.toFixed(0).padStart(7)} ms ${((100 * spent) / all).toFixed(1).padStart(5)} %  ${frame}`,
    );
  }
}

function place(url: string): string {
  if (url === "") return "";
  const at = Math.max(url.lastIndexOf("/packages/"), url.lastIndexOf("/node_modules/"));
  return at >= 0 ? url.slice(at + 1) : url.startsWith("node:") ? url : basename(url);
}
