import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Life, step } from "./testing/model.ts";

/* The law on which everything else stands: what changes step by step equals what is built from nothing. */

test("random lives: incremental equals from scratch, and whoever is connected is told", () => {
  fc.assert(
    fc.property(
      fc.array(step, { minLength: 20, maxLength: 80, size: "max" }),
      fc.boolean(),
      (steps, auto) => {
        const life = new Life(auto);
        for (const each of steps) life.take(each);
        life.check();
        life.disconnectAll();
      },
    ),
    { numRuns: Number(process.env.LIVES ?? 150) },
  );
});

test("the check can fail", () => {
  const life = new Life();
  life.take({ do: "put", documents: [{ type: "Mesh", name: "default" }] });
  life.check();
  const mesh = life.world.mesh("default");
  mesh.mtlsRoots.set(["not a fact that the model knows"]);
  life.world.apply([{ before: undefined, after: { ...dataplane, revision: 1000 } }]);
  assert.throws(() => life.check());
});

const dataplane = {
  type: "Dataplane",
  mesh: "default",
  name: "d0",
  labels: {},
  creationTime: "2026-01-01T00:00:00Z",
  modificationTime: "2026-01-01T00:00:00Z",
  spec: { networking: { address: "127.0.1.1", inbound: [], outbound: [] } },
};
