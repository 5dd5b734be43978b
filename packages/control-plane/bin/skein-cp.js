#!/usr/bin/env node
// Plain JavaScript: it decides how Node runs the control plane before anything large is loaded.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(`skein-cp: Node 24 or newer is needed, this is ${process.version}\n`);
  process.exit(1);
}

// A control plane is thousands of long-lived connections and short-lived messages: one malloc arena keeps the former
// from being scattered, blocks of their own give their memory back when they end, and a small young generation keeps the
// latter from piling up. All of this is read at start only, so the process starts once more in its own place; its id
// stays. Settings that the user gave win.
const TUNED = "SKEIN_CP_TUNED";
const semiSpace = "--max-semi-space-size=8";
if (process.env[TUNED] === undefined && process.execve !== undefined && process.argv[2] === "run") {
  const isGiven = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].some((text) =>
    text.includes("semi-space"),
  );
  const flags = isGiven ? process.execArgv : [semiSpace, ...process.execArgv];
  process.execve(process.execPath, [process.execPath, ...flags, ...process.argv.slice(1)], {
    MALLOC_ARENA_MAX: "1",
    MALLOC_MMAP_THRESHOLD_: "16384",
    ...process.env,
    [TUNED]: "1",
  });
}

// With a warm cache the sources are read without loading Node's TypeScript stripper, which costs time and 40 MB.
if (process.env.NODE_COMPILE_CACHE === undefined) {
  enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "skein", "compile"));
}
await import("../src/main.ts");
