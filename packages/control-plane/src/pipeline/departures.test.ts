import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Departures } from "./departures.ts";

const DELAY = 10_000;

function world(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  let time = 0;
  const departures = new Departures(() => time);
  t.after(() => departures.close());
  const gone: string[] = [];
  return {
    departures,
    gone,
    leave: (id: string) => departures.left(id, DELAY, () => gone.push(id)),
    /** Time in which the event loop turns as it should. */
    passes(ms: number): void {
      for (let passed = 0; passed < ms; passed += 50) {
        time += 50;
        t.mock.timers.tick(50);
      }
    },
    /** Time in which it does not: everything that is due is late. */
    stalls(ms: number): void {
      time += ms;
      t.mock.timers.tick(ms);
    },
  };
}

test("who stays away for the delay is gone, who is back is not", (t) => {
  const { departures, gone, leave, passes } = world(t);
  leave("a");
  leave("b");
  passes(DELAY - 100);
  departures.back("b");
  assert.deepEqual(gone, []);
  passes(200);
  assert.deepEqual(gone, ["a"]);
  passes(DELAY);
  assert.deepEqual(gone, ["a"]);
});

test("while the event loop stands still nobody goes; then all have the whole delay again", (t) => {
  const { departures, gone, leave, passes, stalls } = world(t);
  leave("a");
  leave("b");
  passes(2_000);
  stalls(30_000);
  assert.deepEqual(gone, []);
  passes(DELAY - 500);
  departures.back("b");
  assert.deepEqual(gone, []);
  passes(1_000);
  assert.deepEqual(gone, ["a"]);
});

test("nobody goes while proxies wait to be let in", async (t) => {
  const { departures, gone, leave, passes } = world(t);
  const { promise, resolve } = Promise.withResolvers<void>();
  leave("a");
  const arriving = departures.arriving(() => promise);
  passes(3 * DELAY);
  assert.deepEqual(gone, []);
  resolve();
  await arriving;
  passes(DELAY - 500);
  assert.deepEqual(gone, []);
  passes(1_000);
  assert.deepEqual(gone, ["a"]);
});

test("one that leaves after the rush waits no longer than the delay", (t) => {
  const { gone, leave, passes, stalls } = world(t);
  stalls(5_000);
  passes(DELAY);
  leave("a");
  passes(DELAY + 100);
  assert.deepEqual(gone, ["a"]);
});

test("an overload without end does not keep the gone for ever", (t) => {
  const { departures, gone, leave, passes } = world(t);
  leave("a");
  void departures.arriving(() => new Promise(() => undefined));
  passes(29 * DELAY);
  assert.deepEqual(gone, []);
  passes(2 * DELAY);
  assert.deepEqual(gone, ["a"]);
});

test("a control plane that stops decides nothing any more", (t) => {
  const { departures, gone, leave, passes } = world(t);
  leave("a");
  departures.close();
  leave("b");
  passes(3 * DELAY);
  assert.deepEqual(gone, []);
});
