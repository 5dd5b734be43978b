import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Graph } from "./graph.ts";

test("a derived value follows its inputs", () => {
  const graph = new Graph();
  const a = graph.input(1);
  const b = graph.input(2);
  const sum = graph.derived(() => a.get() + b.get());
  assert.equal(sum.get(), 3);
  a.set(5);
  assert.equal(sum.get(), 7);
});

test("an equal result stops the change there", () => {
  const graph = new Graph();
  const n = graph.input(1);
  const parity = graph.derived(() => n.get() % 2);
  let runs = 0;
  const label = graph.derived(() => {
    runs += 1;
    return parity.get() === 0 ? "even" : "odd";
  });
  assert.equal(label.get(), "odd");
  n.set(3);
  assert.equal(label.get(), "odd");
  assert.equal(runs, 1);
  n.set(4);
  assert.equal(label.get(), "even");
  assert.equal(runs, 2);
});

test("dependencies that are no longer read no longer matter", () => {
  const graph = new Graph();
  const which = graph.input<"a" | "b">("a");
  const a = graph.input(1);
  const b = graph.input(10);
  let runs = 0;
  const picked = graph.derived(() => {
    runs += 1;
    return which.get() === "a" ? a.get() : b.get();
  });
  assert.equal(picked.get(), 1);
  which.set("b");
  assert.equal(picked.get(), 10);
  a.set(2);
  assert.equal(picked.get(), 10);
  assert.equal(runs, 2);
});

test("an observer is told once until the value is read again", () => {
  const graph = new Graph();
  const n = graph.input(0);
  const twice = graph.derived(() => n.get() * 2);
  let told = 0;
  twice.get();
  graph.observe(twice, () => {
    told += 1;
  });
  n.set(1);
  n.set(2);
  assert.equal(told, 1);
  assert.equal(twice.get(), 4);
  n.set(3);
  assert.equal(told, 2);
});

test("values that nothing needs any more are let go", () => {
  const graph = new Graph();
  const on = graph.input(true);
  const family = graph.family<string, number>((key) => key.length);
  const user = graph.derived(() => (on.get() ? family.at("abc").get() : 0));
  user.get();
  assert.equal(family.size, 1);
  on.set(false);
  user.get();
  graph.sweep();
  assert.equal(family.size, 0);
  on.set(true);
  assert.equal(user.get(), 3);
});

test("an input that was let go and asked for again still reaches who reads it", () => {
  const graph = new Graph();
  const items = graph.inputs<string, number>(0);
  const on = graph.input(true);
  const user = graph.derived(() => (on.get() ? items.at("x").get() : -1));
  graph.observe(user, () => undefined);
  items.set("x", 1);
  assert.equal(user.get(), 1);
  on.set(false);
  assert.equal(user.get(), -1);
  items.set("x", 0);
  on.set(true);
  assert.equal(user.get(), 0);
  graph.sweep();
  items.set("x", 2);
  assert.equal(user.get(), 2);
});

test("a derivation that throws leaves the graph usable", () => {
  const graph = new Graph();
  const n = graph.input(0);
  const inverse = graph.derived(() => {
    if (n.get() === 0) throw new Error("zero");
    return 1 / n.get();
  });
  assert.throws(() => inverse.get(), /zero/);
  n.set(4);
  assert.equal(inverse.get(), 0.25);
});

test("random graphs: incremental equals from scratch", () => {
  const op = fc.record({ input: fc.nat(4), value: fc.nat(3), read: fc.nat(5), sweep: fc.boolean() });
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      const graph = new Graph();
      const inputs = [0, 1, 2, 3, 4].map((n) => graph.input(n));
      const value = (i: number): number => inputs[i]?.get() ?? 0;
      const layer = graph.family<string, number>((key) => {
        const i = Number(key);
        return value(i % 5) > 1 ? value((i + 1) % 5) : Math.min(value((i + 2) % 5), 1);
      });
      const top = graph.family<string, number>((key) => {
        const i = Number(key);
        return (
          layer.at(String(i)).get() + (layer.at(String(i + 1)).get() > 1 ? layer.at(String(i + 2)).get() : 0)
        );
      });
      const expectedLayer = (i: number): number =>
        value(i % 5) > 1 ? value((i + 1) % 5) : Math.min(value((i + 2) % 5), 1);
      for (const { input, value: v, read, sweep } of ops) {
        inputs[input]?.set(v);
        const expected = expectedLayer(read) + (expectedLayer(read + 1) > 1 ? expectedLayer(read + 2) : 0);
        assert.equal(top.at(String(read)).get(), expected);
        if (sweep) graph.sweep();
      }
    }),
  );
});

test("random graphs: observers are told whenever what they saw is no longer true", () => {
  const step = fc.oneof(
    fc.record({ set: fc.nat(3), value: fc.nat(2) }),
    fc.record({ choose: fc.nat(2), key: fc.nat(3) }),
    fc.record({ read: fc.nat(2) }),
    fc.constant({ sweep: true }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: "max" }), (steps) => {
      const graph = new Graph();
      const values = graph.inputs<string, number>(0);
      const truth = [0, 0, 0, 0];
      const chosen = [0, 1, 2];
      const choices = chosen.map((key) => graph.input(key));
      const doubled = graph.family<string, number>((key) => values.at(key).get() * 2);
      const observed = choices.map((choice, i) => {
        const value = graph.derived(() => {
          const key = String(choice.get());
          return i === 0 ? doubled.at(key).get() : values.at(key).get() * 2;
        });
        const state = { value, seen: value.get(), told: false };
        graph.observe(value, () => {
          state.told = true;
        });
        return state;
      });
      for (const each of steps) {
        if ("set" in each) {
          truth[each.set] = each.value;
          values.set(String(each.set), each.value);
        } else if ("choose" in each) {
          chosen[each.choose] = each.key;
          choices[each.choose]?.set(each.key);
        } else if ("read" in each) {
          const state = observed[each.read];
          if (state !== undefined) {
            state.told = false;
            state.seen = state.value.get();
          }
        } else graph.sweep();
        for (const [i, { seen, told }] of observed.entries()) {
          if (!told) assert.equal(seen, (truth[chosen[i] ?? 0] ?? 0) * 2);
        }
      }
      graph.sweep();
      assert.ok(doubled.size <= observed.length + 1);
    }),
    { numRuns: 500 },
  );
});
