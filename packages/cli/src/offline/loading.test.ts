import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/* Which modules a file loads when it is imported: what it imports statically, and so on. Dynamic imports are later. */

const IMPORT = /^(?:import|export)\s(?!type\s)(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
const require = createRequire(import.meta.url);

function loadedBy(entry: string): ReadonlySet<string> {
  const loaded = new Set<string>();
  const visit = (file: string): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    if (!file.endsWith(".ts")) return;
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      if (name.startsWith(".")) visit(resolve(dirname(file), name));
      else if (name.startsWith("@skein/")) visit(require.resolve(name));
      else loaded.add(name);
    }
  };
  visit(entry);
  return loaded;
}

const source = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const isPlanning = (file: string): boolean => /\/(control-plane|envoy-api)\//.test(file);

test("starting the command line loads neither planning nor schemas", () => {
  const loaded = loadedBy(source("main.ts"));
  assert.ok(loaded.has(source("program/ask-commands.ts")), "the walk finds what is imported");
  assert.deepEqual([...loaded].filter(isPlanning), []);
});

test("no command but those that work offline loads the planning", () => {
  for (const command of ["explain", "apply", "get", "analyze", "policy-tests"]) {
    const file = source(`commands/${command}.ts`);
    if (existsSync(file)) assert.deepEqual([...loadedBy(file)].filter(isPlanning), [], command);
  }
});

test("the offline engine loads no server, no store and no token code", () => {
  const loaded = [...loadedBy(source("offline/load-engine.ts"))];
  assert.ok(loaded.some((file) => file.endsWith("/pipeline/world.ts")));
  const refused = loaded.filter((file) =>
    /^(fastify|pino|jose|prom-client|node:(http2?|https|tls|sqlite))$|control-plane\/src\/(api\/server|store\/(?!store\.ts)|tokens|tls|xds\/server|dp-server|config)/.test(
      file,
    ),
  );
  assert.deepEqual(refused, []);
});
