import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Fragment } from "./fragment.ts";
import { FragmentTable } from "./fragment-table.ts";
import { differingNames, type Fragments, LayeredFragments, sameFragments } from "./fragments.ts";

/* Two layers are to their readers what one map of both is. */

const table = new FragmentTable();
const NAMES = ["a", "b", "c", "d"];
const made = NAMES.map((name) => [0, 1].map((n) => table.intern("cluster", name, Buffer.from([n]))));

const plain: fc.Arbitrary<Map<string, Fragment>> = fc
  .tuple(...NAMES.map(() => fc.constantFrom(undefined, 0, 1)))
  .map(
    (variants) =>
      new Map(
        variants.flatMap((variant, i) => {
          const fragment = variant === undefined ? undefined : made[i]?.[variant];
          return fragment === undefined ? [] : [[fragment.name, fragment] as const];
        }),
      ),
  );

/** Maps that are layered or not, some of them on the same common layer, each with what it comes to. */
const pair = fc
  .record({ common: plain, other: plain, own: plain, owns: plain, kinds: fc.tuple(fc.nat(2), fc.nat(2)) })
  .map(({ common, other, own, owns, kinds }) => {
    const make = (kind: number, mine: Map<string, Fragment>): readonly [Fragments, Map<string, Fragment>] => {
      if (kind === 0) return [mine, mine];
      const below = kind === 1 ? common : other;
      return [new LayeredFragments(mine, below), new Map([...below, ...mine])];
    };
    return [make(kinds[0], own), make(kinds[1], owns)] as const;
  });

test("layers read as one map", () => {
  fc.assert(
    fc.property(pair, ([[map, expected]]) => {
      assert.equal(map.size, expected.size);
      for (const name of NAMES) {
        assert.equal(map.get(name), expected.get(name));
        assert.equal(map.has(name), expected.has(name));
      }
      const sorted = (entries: Iterable<readonly [string, Fragment]>) =>
        [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual(sorted(map), sorted(expected));
      assert.deepEqual([...map.keys()].sort(), [...expected.keys()].sort());
      assert.deepEqual(new Set(map.values()), new Set(expected.values()));
      assert.equal([...map.values()].length, expected.size);
      const visited: string[] = [];
      map.forEach((fragment, name) => void visited.push(`${name} ${fragment.version}`));
      assert.equal(visited.length, expected.size);
    }),
  );
});

test("layers differ where the maps that they come to differ", () => {
  let same = 0;
  fc.assert(
    fc.property(pair, ([[a, plainA], [b, plainB]]) => {
      const expected = NAMES.filter((name) => plainA.get(name) !== plainB.get(name));
      assert.deepEqual([...differingNames(a, b)].sort(), expected);
      assert.equal(sameFragments(a, b), expected.length === 0);
      if (expected.length === 0) same += 1;
    }),
    { numRuns: 2_000 },
  );
  assert.ok(same > 5, `${same}`);
});
