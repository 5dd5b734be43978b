import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../process/run.ts";
import { wrap } from "./screen.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));

test("the demo holds what it claims, within a minute, on 80 columns", async (t) => {
  const env = { ...process.env, ONCE: "1" } as Record<string, string>;
  const { code, stdout, stderr } = await run(process.execPath, [main], { env, cwd: "/", timeoutMs: 60_000 });
  t.diagnostic(stdout);
  assert.equal(code, 0, `${stdout}${stderr}`);
  assert.deepEqual(
    stdout.split("\n").filter((line) => line.length > 80),
    [],
  );
  assert.ok(!stdout.includes("\u001b"), "no colour where there is no terminal");
});

test("sentences are wrapped at blanks", () => {
  assert.deepEqual(wrap("one two three", 8), ["one two", "three"]);
  assert.deepEqual(wrap("", 8), []);
  assert.deepEqual(wrap("unbreakable", 4), ["unbreakable"]);
});
