#!/usr/bin/env node
// Plain JavaScript, so that the compile cache is on before the first TypeScript file is loaded: with a warm cache the
// program starts without loading Node's TypeScript stripper.
import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import { join } from "node:path";

if (Number.parseInt(process.versions.node, 10) < 24) {
  process.stderr.write(`Error: skeinctl needs Node 24 or newer, this is ${process.version}\n`);
  process.exit(1);
}
if (process.env.NODE_COMPILE_CACHE === undefined) {
  enableCompileCache(join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "skein", "compile"));
}
await import("../src/main.ts");
