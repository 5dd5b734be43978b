import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import fc from "fast-check";
import { collectGarbage } from "../collect-garbage.ts";
import { DATAPLANES, SECRETS } from "./testing/arbitrary/names.ts";
import { Life, step } from "./testing/model.ts";

/* Memory: what is no longer there is let go. */

/** Secrets are facts, which nobody has taken back; the bundle that follows from one of them stays with it. */
const FEW = SECRETS.length + 1;

function familySizes(life: Life): Readonly<Record<string, number>> {
  const mesh = life.world.mesh("default");
  const families = { config: mesh.config, ...mesh.planner };
  return Object.fromEntries(
    Object.entries(families).map(([name, family]) => [name, Number(Reflect.get(family, "size"))]),
  );
}

test("after a thousand changes nothing is held that nobody asks for", async () => {
  const life = new Life();
  const steps = fc.sample(step, { numRuns: 1000, seed: 7 });
  let most = 0;
  for (const [i, each] of steps.entries()) {
    life.take(each);
    if (i % 50 !== 49) continue;
    life.world.graph.sweep();
    const sizes = familySizes(life);
    for (const [name, size] of Object.entries(sizes)) {
      assert.ok(size <= DATAPLANES.length + 3, `${size} values of ${name} after ${i} changes`);
      most = Math.max(most, size);
    }
  }
  assert.ok(most > 0, "the sizes are measured");
  life.check();
  const held = life.table.size;
  life.disconnectAll();
  life.clear();
  life.world.graph.sweep();
  assert.deepEqual(
    Object.values(familySizes(life)),
    Object.values(familySizes(life)).map(() => 0),
  );
  for (const deadline = Date.now() + 5000; life.table.size > FEW && Date.now() < deadline; ) {
    // Counting holds what it counts until the turn ends.
    await delay(20);
    collectGarbage();
  }
  assert.ok(life.table.size <= FEW, `${life.table.size} fragments of ${held} are still there`);
});
