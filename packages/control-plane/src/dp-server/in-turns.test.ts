import assert from "node:assert/strict";
import { test } from "node:test";
import { inTurns } from "./in-turns.ts";

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("so many tasks run in a turn, in the order in which they came", async () => {
  const ran: number[] = [];
  const queue = inTurns(3);
  for (let task = 0; task < 7; task++) queue(() => ran.push(task));
  assert.deepEqual(ran, [], "not before the next turn");
  for (const expected of [3, 6, 7, 7]) {
    await turn();
    assert.deepEqual(
      ran,
      Array.from({ length: expected }, (_, task) => task),
    );
  }
});

test("what comes while others run or wait goes behind them, and a queue that has been empty goes on", async () => {
  const ran: string[] = [];
  const queue = inTurns(2);
  queue(() => {
    ran.push("a");
    queue(() => ran.push("from a"));
  });
  for (const name of ["b", "c"]) queue(() => ran.push(name));
  await turn();
  assert.deepEqual(ran, ["a", "b"]);
  await turn();
  assert.deepEqual(ran, ["a", "b", "c", "from a"]);
  await turn();
  queue(() => ran.push("later"));
  await turn();
  assert.deepEqual(ran.slice(4), ["later"]);
});
