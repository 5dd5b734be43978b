import assert from "node:assert/strict";
import { test } from "node:test";
import { Scheduler } from "./scheduler.ts";

function scheduler(plan: (key: string) => void = () => undefined) {
  const log: string[] = [];
  const made: Scheduler = new Scheduler({
    now: () => performance.now(),
    batchMs: 1,
    batchMaxMs: 5,
    sliceMs: 1,
    plan: (key) => {
      log.push(key);
      plan(key);
    },
    onBegin: () => log.push("["),
    onEnd: () => log.push("]"),
  });
  return { made, log };
}

test("keys marked together are planned together, each once", async () => {
  const { made, log } = scheduler();
  for (const key of ["a", "b", "a"]) made.mark(key);
  assert.equal(made.isIdle, false);
  await made.whenIdle();
  assert.deepEqual(log, ["[", "a", "b", "]"]);
  assert.equal(made.isIdle, true);
});

test("a key marked while it is planned belongs to the next cycle", async () => {
  let again = true;
  const { made, log } = scheduler((key) => {
    if (again) made.mark(key);
    again = false;
  });
  made.mark("a");
  await made.whenIdle();
  assert.deepEqual(log, ["[", "a", "]", "[", "a", "]"]);
});

test("a request without a key still makes a cycle", async () => {
  const { made, log } = scheduler();
  made.request();
  await made.whenIdle();
  assert.deepEqual(log, ["[", "]"]);
});

test("a long cycle lets the event loop breathe", async () => {
  const { made } = scheduler(() => {
    const until = performance.now() + 2;
    while (performance.now() < until);
  });
  for (let i = 0; i < 20; i += 1) made.mark(`k${i}`);
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await made.whenIdle();
  clearInterval(timer);
  assert.ok(turns >= 5, `the loop turned ${turns} times`);
});
