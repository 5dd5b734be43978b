import { globSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { patiently } from "../packages/testbed/src/patience.ts";
import { whyNoNetworkHosts } from "./network-hosts.ts";
import { createReport } from "./test-report.ts";

/**
 * `node tools/test.ts fast slow`: runs the test suite with one line per file and a count at the end. `fast` is every
 * test that needs neither a real Envoy nor more than seconds; `slow` is the rest. With file names, runs just those.
 */
const ROOT = join(import.meta.dirname, "..");
const MINUTE = patiently(60_000);

/** Tests with hosts of their own: network namespaces, which not every machine lets be made. */
const HOSTED = /\.netns\.test\.ts$/;
/** Tests with real Envoys, network namespaces, hundreds of `kill -9`, whole worlds, or packing. */
const SLOW = [
  /\.envoy\.test\.ts$/,
  HOSTED,
  /-kill\.test\.ts$/,
  /^packages\/testbed\/src\/pages\/learning-path\.test\.ts$/,
  /^packages\/testbed\/src\/demo\/demo\.test\.ts$/,
  /^tools\/pack\.test\.ts$/,
];

const all = globSync("{packages/*/src,bench,tools}/**/*.test.ts", { cwd: ROOT }).toSorted();
const isSlow = (file: string): boolean => SLOW.some((pattern) => pattern.test(file));
const words = process.argv.slice(2);
const slow = all.filter(isSlow);
const obstacle = words.includes("slow") ? whyNoNetworkHosts() : undefined;
const leftOut = obstacle === undefined ? [] : slow.filter((file) => HOSTED.test(file));
const stages = {
  fast: { files: all.filter((file) => !isSlow(file)), timeout: MINUTE },
  slow: { files: slow.filter((file) => !leftOut.includes(file)), timeout: 15 * MINUTE },
};

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
const isWell = report.finish();
if (leftOut.length > 0) {
  const reason = `NOT RUN: ${leftOut.length} files with hosts of their own (transparent proxying); ${obstacle}`;
  process.stdout.write(`${reason}\n${leftOut.map((file) => `  ${file}\n`).join("")}`);
}
process.exit(isWell ? 0 : 1);
