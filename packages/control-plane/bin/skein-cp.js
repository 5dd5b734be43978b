#!/usr/bin/env node
// Plain JavaScript: it decides how Node runs the control plane before anything large is loaded.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(`skein-cp: Node 24 or newer is needed, this is ${process.version}\n`);
  process.exit(1);
}

// A control plane is thousands of long-lived connections and short-lived messages: one malloc arena keeps the former
// from being scattered, blocks of their own give their memory back when they end, and a small young generation keeps the
// latter from piling up. All of this is read at start only, so the process starts once more in its own place; its id
// stays. Settings that the user gave win. See docs/decisions/memory.md.
const TUNED = "SKEIN_CP_TUNED";
const given = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ").replaceAll("_", "-");
if (process.env[TUNED] === undefined && process.execve !== undefined && process.argv[2] === "run") {
  const flags = given.includes("--max-semi-space-size") ? [] : ["--max-semi-space-size=8"];
  process.execve(
    process.execPath,
    [process.execPath, ...flags, ...process.execArgv, ...process.argv.slice(1)],
    {
      MALLOC_ARENA_MAX: "1",
      MALLOC_MMAP_THRESHOLD_: "16384",
      MALLOC_TOP_PAD_: "4096",
      ...process.env,
      [TUNED]: "1",
    },
  );
}

// The old generation is collected when it has grown by two fifths, not up to fourfold: most of it stays, and what a collection
// costs is little beside what it gives back. The optimizing compiler gets what is called ten times as often as V8 would have it, and
// takes in less of what that calls: its work falls into the first changes after a start, and costs as much as they do. All
// of this is read when it is needed.
for (const flag of [
  "--heap-growing-percent=40",
  "--invocation-count-for-turbofan=30000",
  "--max-inlined-bytecode-size-cumulative=300",
]) {
  if (!given.includes(flag.slice(0, flag.indexOf("=")))) setFlagsFromString(flag);
}

// With a warm cache the sources are read without loading Node's TypeScript stripper, which costs time and 40 MB.
if (process.env.NODE_COMPILE_CACHE === undefined) {
  enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "skein", "compile"));
}
await import("../src/main.ts");
