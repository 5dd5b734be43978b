import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { createReport } from "./test-report.ts";

/**
 * `node tools/test.ts fast slow`: runs the test suite with one line per file and a count at the end. `fast` is every
 * test that needs neither a real Envoy nor more than seconds; `slow` is the rest. With file names, runs just those.
 */
const ROOT = join(import.meta.dirname, "..");
const MINUTE = 60_000;

/** Tests with real Envoys, network namespaces (which need root), hundreds of `kill -9`, whole worlds, or packing. */
const SLOW = [
  /\.envoy\.test\.ts$/,
  /\.netns\.test\.ts$/,
  /-kill\.test\.ts$/,
  /^packages\/testbed\/src\/pages\/learning-path\.test\.ts$/,
  /^packages\/testbed\/src\/demo\/demo\.test\.ts$/,
  /^tools\/pack\.test\.ts$/,
];

const all = globSync("{packages/*/src,bench,tools}/**/*.test.ts", { cwd: ROOT }).toSorted();
const isSlow = (file: string): boolean => SLOW.some((pattern) => pattern.test(file));
const stages = {
  fast: { files: all.filter((file) => !isSlow(file)), timeout: MINUTE },
  slow: { files: all.filter(isSlow), timeout: 15 * MINUTE },
};

const words = process.argv.slice(2);
const names = words.filter((word) => !Object.hasOwn(stages, word));
const queue = [
  ...(words.includes("fast") ? [stages.fast] : []),
  ...(words.includes("slow") ? [stages.slow] : []),
  ...(names.length > 0 ? [{ files: names, timeout: stages.slow.timeout }] : []),
];
if (queue.length === 0) {
  process.stderr.write("usage: node tools/test.ts fast|slow|FILE …\n");
  process.exit(2);
}

const report = createReport({ root: ROOT, write: (text) => process.stdout.write(text) });
for (const { files, timeout } of queue) {
  const events = run({
    files: [...files],
    cwd: ROOT,
    concurrency: Math.min(2, availableParallelism()),
    timeout,
  });
  for await (const event of events) report.take(event);
}
process.exit(report.finish() ? 0 : 1);
