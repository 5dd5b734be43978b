import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { QuietCollections } from "./quiet-collections.ts";
import { until } from "./xds/testing/until.ts";

const MB = 2 ** 20;

/** A process that has what a test says, and what watches it. */
function watched({ mock }: TestContext, inUse: number) {
  mock.timers.enable({ apis: ["setTimeout"] });
  const state = { inUse, stays: inUse, busy: 0, collections: 0 };
  const collections = new QuietCollections({
    inUse: () => state.inUse,
    collect: () => {
      state.collections += 1;
      state.inUse = state.stays;
    },
    watch: () => () => state.busy,
  });
  const work = (garbage: number): void => {
    state.inUse += garbage;
    collections.worked();
  };
  return { state, collections, work, later: (ms: number) => mock.timers.tick(ms) };
}

test("garbage is collected when the work that left it is over, once there is enough", (t) => {
  const { state, work, later } = watched(t, 80 * MB);
  work(13 * MB);
  later(10_000);
  assert.equal(state.collections, 0, "not worth it");
  work(1 * MB);
  later(49);
  assert.equal(state.collections, 0, "not yet quiet");
  later(1);
  assert.equal(state.collections, 1);
  work(0);
  later(10_000);
  assert.equal(state.collections, 1, "nothing has come since");
});

test("nobody who works is stopped", (t) => {
  const { state, work, later } = watched(t, 80 * MB);
  state.busy = 0.5;
  work(40 * MB);
  later(1_000);
  assert.equal(state.collections, 0);
  state.busy = 0.1;
  later(100);
  assert.equal(state.collections, 1);
});

test("what V8 collected by itself counts", (t) => {
  const { state, work, later } = watched(t, 80 * MB);
  state.inUse = 60 * MB;
  work(0);
  later(100);
  work(16 * MB);
  later(100);
  assert.equal(state.collections, 1);
});

test("a heap that grows for good is not collected again and again", (t) => {
  const { state, work, later } = watched(t, 80 * MB);
  state.stays = 150 * MB;
  work(70 * MB);
  later(100);
  assert.equal(state.collections, 1);
  work(24 * MB);
  later(100);
  assert.equal(state.collections, 1);
});

test("a heap that takes long to collect is left to V8", (t) => {
  const { state, work, later } = watched(t, 300 * MB);
  work(300 * MB);
  later(10_000);
  assert.equal(state.collections, 0);
});

test("nor is one that has become so since the start collected once", (t) => {
  const { state, work, later } = watched(t, 30 * MB);
  state.stays = 250 * MB;
  work(250 * MB);
  later(10_000);
  assert.equal(state.collections, 0);
});

test("nothing happens after the end", (t) => {
  const { state, collections, work, later } = watched(t, 80 * MB);
  work(80 * MB);
  collections.stop();
  later(10_000);
  assert.equal(state.collections, 0);
});

test("of this process it gives memory back", async () => {
  const collections = new QuietCollections();
  const held = { ref: new WeakRef(new Array(MB).fill(0)) };
  collections.worked();
  await until("garbage to be collected", () => held.ref.deref() === undefined, 20_000);
  collections.stop();
});
