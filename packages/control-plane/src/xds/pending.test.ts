import assert from "node:assert/strict";
import { test } from "node:test";
import { createLimiter } from "./limiter.ts";
import { createPending } from "./pending.ts";
import { until } from "./testing/until.ts";

test("work is cut into slices between which the event loop turns", async () => {
  let clock = 0;
  let slices = 0;
  let inSlice = 0;
  let longest = 0;
  let done = 0;
  const pending = createPending<number>({
    now: () => clock,
    sliceMs: 5,
    run: () => {
      if (inSlice === 0) {
        slices += 1;
        setImmediate(() => {
          inSlice = 0;
        });
      }
      inSlice += 1;
      longest = Math.max(longest, inSlice);
      clock += 1;
      done += 1;
    },
  });
  for (let item = 0; item < 2000; item++) {
    pending.add(item);
    pending.add(item);
  }
  await until("all done", () => pending.size === 0);
  assert.equal(done, 2000);
  assert.ok(longest <= 5, `${longest} in one slice`);
  assert.equal(slices, 400);
});

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("so many items are worked on in a turn, in the order in which they came", async () => {
  const ran: number[] = [];
  const pending = createPending<number>({ run: (item) => ran.push(item), most: 3 });
  for (let item = 0; item < 7; item++) pending.add(item);
  assert.deepEqual(ran, [], "not before the next turn");
  for (const expected of [3, 6, 7, 7]) {
    await turn();
    assert.deepEqual(
      ran,
      Array.from({ length: expected }, (_, item) => item),
    );
  }
});

test("what comes while others are worked on or wait goes behind them, and what has been empty goes on", async () => {
  const ran: string[] = [];
  const pending = createPending<string>({
    run: (name) => {
      ran.push(name);
      if (name === "a") pending.add("from a");
    },
    most: 2,
  });
  for (const name of ["a", "b", "c"]) pending.add(name);
  await turn();
  assert.deepEqual(ran, ["a", "b"]);
  await turn();
  assert.deepEqual(ran, ["a", "b", "c", "from a"]);
  await turn();
  pending.add("later");
  await turn();
  assert.deepEqual(ran.slice(4), ["later"]);
});

test("an item that fails is reported and the others go on", async () => {
  const errors: unknown[] = [];
  const done: number[] = [];
  const pending = createPending<number>({
    run: (item) => {
      if (item === 1) throw new Error("bad");
      done.push(item);
    },
    onError: (error) => void errors.push(error),
  });
  for (const item of [0, 1, 2]) pending.add(item);
  await until("all done", () => pending.size === 0);
  assert.deepEqual(done, [0, 2]);
  assert.equal(errors.length, 1);
});

test("a limiter runs a bounded number of tasks, in order, and skips abandoned ones", async () => {
  const limiter = createLimiter(2);
  const order: number[] = [];
  let running = 0;
  let most = 0;
  const task = (index: number) => async (): Promise<number> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running -= 1;
    order.push(index);
    if (index === 3) throw new Error("bad");
    return index;
  };
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, (_, index) => limiter(task(index), () => index === 5)),
  );
  assert.equal(most, 2);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 6, 7]);
  assert.equal(results[3]?.status, "rejected");
  assert.deepEqual(results[5], { status: "fulfilled", value: undefined });
});
