import assert from "node:assert/strict";
import { test } from "node:test";
import { inTurns } from "./in-turns.ts";

test("a long computation comes to its result, and others get their turn in between", async () => {
  let clock = 0;
  let step = 0;
  let othersAt: number | undefined;
  setImmediate(() => {
    othersAt = step;
  });
  function* work(): Generator<undefined, string> {
    for (; step < 100; step++) {
      clock += 3;
      yield;
    }
    return "done";
  }
  assert.equal(await inTurns(work(), () => clock), "done");
  assert.ok(othersAt !== undefined && othersAt < 10, `others had to wait for ${othersAt} steps`);
});
