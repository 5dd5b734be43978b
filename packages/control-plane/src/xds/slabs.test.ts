import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Slabs } from "./slabs.ts";

test("blocks are as large as asked for, and none is part of another", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3_000), { maxLength: 40 }), (sizes) => {
      const slabs = new Slabs();
      const blocks = sizes.map((size, at) => slabs.take(size).fill(at));
      for (const [at, block] of blocks.entries()) {
        assert.equal(block.length, sizes[at]);
        assert.ok(block.every((byte) => byte === at));
      }
    }),
  );
});

test("small blocks share buffers of a bounded size, a large one has its own", () => {
  const slabs = new Slabs();
  const small = Array.from({ length: 100 }, () => slabs.take(500).buffer);
  assert.ok(new Set(small).size < 10, `${new Set(small).size} buffers`);
  assert.ok(small.every(({ byteLength }) => byteLength <= 8_192));
  const large = slabs.take(5_000);
  assert.equal(large.buffer.byteLength, 5_000);
  assert.equal(slabs.take(500).buffer, small.at(-1));
});
