import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { isAlive, ownerOf } from "../net/owner.ts";
import { PageShell } from "./shell.ts";

const dir = mkdtempSync(join(tmpdir(), "skein-shell-"));
const shell = new PageShell({
  env: { PATH: process.env.PATH ?? "" },
  cwd: join(dir, "page"),
  scratch: join(dir, "scratch"),
});
after(() => {
  shell.close();
  rmSync(dir, { recursive: true });
});

test("a block answers with its output and exit code", async () => {
  assert.deepEqual(await shell.run("echo out; echo err >&2\n"), { code: 0, output: "out\nerr\n" });
});

test("a command that fails in the middle of a block is seen", async () => {
  assert.equal((await shell.run("(exit 7)\necho after\n")).code, 7);
  assert.equal((await shell.run("true\n")).code, 0, "and forgotten in the next block");
});

test("a pipe fails with its first part", async () => {
  assert.equal((await shell.run("false | cat\n")).code, 1);
});

test("a failure that the block handles is none", async () => {
  assert.deepEqual(await shell.run("false || echo handled\n"), { code: 0, output: "handled\n" });
});

test("variables and background jobs live on, and do not hold the block up", async () => {
  await shell.run("greeting=hi\nsleep 30 &\njob=$!\n");
  const { output } = await shell.run('echo "$greeting $job"\n');
  const [greeting, pid] = output.trim().split(" ");
  assert.equal(greeting, "hi");
  const owner = ownerOf(Number(pid));
  assert.ok(owner !== undefined && isAlive(owner));
  await shell.run("kill $job; wait $job 2>/dev/null || true\n");
  assert.ok(!isAlive(owner));
});

test("a block that takes too long is an error with its text", async () => {
  const slow = new PageShell({
    env: { PATH: process.env.PATH ?? "" },
    cwd: join(dir, "p2"),
    scratch: join(dir, "s2"),
  });
  await assert.rejects(slow.run("sleep 2\n", 50), /not done after 0.05 s:\nsleep 2/);
  slow.close();
});
