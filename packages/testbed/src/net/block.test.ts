import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { allocateBlock, type BlockLock, type BlockOptions, thisProcess } from "./block.ts";

const base = mkdtempSync(join(tmpdir(), "skein-block-"));
after(() => rmSync(base, { recursive: true }));
let serial = 0;

function options(over: Partial<BlockOptions> = {}): BlockOptions {
  const lockDir = over.lockDir ?? join(base, String(serial++));
  return {
    lockDir,
    world: `w${serial++}`,
    dir: "/nowhere",
    owner: thisProcess(),
    candidates: ["127.90.0", "127.90.1"],
    usable: async () => true,
    ...over,
  };
}

test("two worlds get two blocks, a third none until one is given back", async () => {
  const lockDir = join(base, "shared");
  const first = await allocateBlock(options({ lockDir }));
  const second = await allocateBlock(options({ lockDir }));
  assert.notEqual(first.prefix, second.prefix);
  await assert.rejects(allocateBlock(options({ lockDir })), /no free block/);
  first.release();
  assert.equal((await allocateBlock(options({ lockDir }))).prefix, first.prefix);
});

test("the last block given back leaves no directory", async () => {
  const lockDir = join(base, "last");
  (await allocateBlock(options({ lockDir }))).release();
  assert.ok(!existsSync(lockDir));
});

test("many at once never share a block", async () => {
  const lockDir = join(base, "many");
  const candidates = Array.from({ length: 20 }, (_, i) => `127.90.${i}`);
  const blocks = await Promise.all(candidates.map(() => allocateBlock(options({ lockDir, candidates }))));
  assert.equal(new Set(blocks.map((block) => block.prefix)).size, 20);
});

test("the block of a dead process is cleaned up and taken over", async () => {
  const lockDir = join(base, "dead");
  const dead: BlockLock = { owner: { pid: process.pid, startedAt: "1" }, world: "gone", dir: "/gone" };
  mkdirSync(lockDir);
  writeFileSync(join(lockDir, "127.90.0"), JSON.stringify(dead));
  const abandoned: BlockLock[] = [];
  const block = await allocateBlock(
    options({ lockDir, candidates: ["127.90.0"], onAbandoned: (lock) => abandoned.push(lock) }),
  );
  assert.equal(block.prefix, "127.90.0");
  assert.deepEqual(abandoned, [dead]);
});

test("a block that cannot be used is passed over and left unlocked", async () => {
  const lockDir = join(base, "unusable");
  const block = await allocateBlock(options({ lockDir, usable: async (prefix) => prefix !== "127.90.0" }));
  assert.equal(block.prefix, "127.90.1");
  assert.ok(!existsSync(join(lockDir, "127.90.0")));
});
