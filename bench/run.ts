import { writeFileSync } from "node:fs";
import { inspect, parseArgs } from "node:util";
import { cli } from "./cli.ts";
import { dns } from "./dns.ts";
import { fanout } from "./fanout.ts";
import { CannotRun } from "./harness/cannot-run.ts";
import { type Report, table } from "./harness/figure.ts";
import { type BenchOptions, benchOptions } from "./harness/options.ts";
import { identity } from "./identity.ts";
import { planning } from "./planning.ts";
import { preview } from "./preview.ts";
import { reachable } from "./reachable.ts";
import { sidecar } from "./sidecar.ts";
import { store } from "./store.ts";
import { transparent } from "./transparent.ts";
import { vips } from "./vips.ts";

const BENCHMARKS: ReadonlyMap<string, (options: BenchOptions) => Promise<readonly Report[]>> = new Map([
  ["identity", identity],
  ["store", store],
  ["vips", vips],
  ["planning", planning],
  ["preview", preview],
  ["cli", cli],
  ["reachable", reachable],
  ["sidecar", sidecar],
  ["transparent", transparent],
  ["dns", dns],
  ["fanout", fanout],
]);

const { positionals } = parseArgs({ allowPositionals: true });
const assigned = positionals.map((each) => each.split("=", 2));
const env = { ...process.env, ...Object.fromEntries(assigned) };
const names = env.NAME ? [env.NAME] : [...BENCHMARKS.keys()];
const options = chosen();
const reports: Report[] = [];
for (const name of names) {
  const benchmark = BENCHMARKS.get(name);
  if (benchmark === undefined) {
    console.error(`there is no benchmark "${name}"; there are: ${[...BENCHMARKS.keys()].join(", ")}`);
    process.exit(2);
  }
  const began = performance.now();
  try {
    for (const report of await benchmark(options)) {
      reports.push(report);
      console.log(`${table(report)}\n`);
    }
  } catch (error) {
    process.exitCode = 1;
    console.error(`${name}: ${error instanceof CannotRun ? error.message : inspect(error)}\n`);
  }
  console.error(`${name} took ${Math.round((performance.now() - began) / 1000)} s\n`);
}
if (env.JSON) {
  const figures = reports.flatMap((report) => report.figures);
  writeFileSync(env.JSON, `${JSON.stringify(figures, null, 1)}\n`);
}
process.exit();

function chosen(): BenchOptions {
  try {
    return benchOptions(env);
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error));
    process.exit(2);
  }
}
