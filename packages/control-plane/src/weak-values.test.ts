import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { collectGarbage } from "./collect-garbage.ts";
import { WeakValues } from "./weak-values.ts";

test("a value is there while somebody holds it, and goes with them", async () => {
  const values = new WeakValues<{ readonly n: number }>();
  const held = { n: 0 };
  values.set("held", held);
  for (let n = 1; n <= 1000; n++) values.set(`v${n}`, { n });
  assert.equal(values.get("held"), held);
  for (const deadline = Date.now() + 5000; values.size > 1 && Date.now() < deadline; ) {
    await delay(5);
    collectGarbage();
  }
  assert.equal(values.size, 1);
  assert.equal(values.get("held"), held);
  assert.equal(values.get("v1"), undefined);
});

test("a key has the value that was set last", () => {
  const values = new WeakValues<object>();
  const [first, second] = [{}, {}];
  values.set("key", first);
  values.set("key", second);
  assert.equal(values.get("key"), second);
});
