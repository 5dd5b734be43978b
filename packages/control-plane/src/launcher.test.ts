import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/* `bin/skein-cp.js`: what it makes of Node before the control plane is loaded. */

const LAUNCHER = fileURLToPath(new URL("../bin/skein-cp.js", import.meta.url));
const REPORT = "console.log(JSON.stringify({ flags: process.execArgv, env: process.env }))";

interface Seen {
  readonly flags: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Starts it with a setting that it refuses; answers with what the last process image saw. */
function start(flags: readonly string[], env: Readonly<Record<string, string>>) {
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, LAUNCHER, "run", "--log-level", "loud"], {
    env: {
      HOME: process.env.HOME ?? "/",
      NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(REPORT)}`,
      ...env,
    },
    encoding: "utf8",
  });
  const seen = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Seen);
  return { images: seen.length, last: seen.at(-1), stderr };
}

test("the allocator and the heap are told to be thrifty, by names that this Node knows", () => {
  const { images, last, stderr } = start([], {});
  assert.equal(images, 2);
  assert.deepEqual(last?.flags, ["--max-semi-space-size=8"]);
  assert.equal(last?.env.MALLOC_ARENA_MAX, "1");
  assert.equal(last?.env.MALLOC_TOP_PAD_, "4096");
  assert.equal(stderr, 'skein-cp: --log-level must be off, info or debug, not "loud"\n');
});

test("what the user set stays", () => {
  const { last } = start(["--max-semi-space-size=16", "--heap-growing-percent=80"], {
    MALLOC_ARENA_MAX: "2",
  });
  assert.deepEqual(last?.flags, ["--max-semi-space-size=16", "--heap-growing-percent=80"]);
  assert.equal(last?.env.MALLOC_ARENA_MAX, "2");
});
