import assert from "node:assert/strict";
import { test } from "node:test";
import { until } from "../xds/testing/until.ts";
import { Departed } from "./departed.ts";

test("a collection follows when many connections have ended and no more do", ({ mock }) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let collections = 0;
  const departed = new Departed(() => {
    collections += 1;
  });
  const end = (count: number, left: number): void => {
    for (let each = 0; each < count; each++) departed.ended(left);
  };

  end(99, 50);
  mock.timers.tick(10_000);
  assert.equal(collections, 0, "few are not worth it");

  end(1, 50);
  mock.timers.tick(400);
  end(200, 50);
  mock.timers.tick(400);
  assert.equal(collections, 0, "they still end");
  mock.timers.tick(200);
  assert.equal(collections, 1);
  mock.timers.tick(10_000);
  assert.equal(collections, 1, "once");

  end(150, 1_000);
  mock.timers.tick(10_000);
  assert.equal(collections, 1, "few of a thousand are not worth it either");
  end(50, 1_000);
  mock.timers.tick(500);
  assert.equal(collections, 2);
});

test("what V8 gives is a collection", async () => {
  const held = { ref: new WeakRef(new ArrayBuffer(1 << 20)) };
  const departed = new Departed();
  for (let each = 0; each < 100; each++) departed.ended(0);
  await until("garbage to be collected", () => held.ref.deref() === undefined, 20_000);
});
