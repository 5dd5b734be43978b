import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { byCaller, forCallers, sortedMatches, subsumes } from "./by-caller.ts";
import type { CallerMatch } from "./policy-resource.ts";
import type { InboundRule } from "./rules.ts";

const exact = (value: string): CallerMatch => ({ spiffeID: { type: "Exact", value: `spiffe://${value}` } });
const prefix = (value: string): CallerMatch => ({ spiffeID: { type: "Prefix", value: `spiffe://${value}` } });
const sni = (value: string): CallerMatch => ({ sni: { type: "Exact", value } });

let count = 0;
function rule(conf: object, ...matches: CallerMatch[]): InboundRule {
  count += 1;
  return { conf, matches, origin: { policy: `p${count}`, rule: "rules[0]" } };
}

const relations: readonly [broad: CallerMatch, narrow: CallerMatch, expected: boolean][] = [
  [exact("td/a"), exact("td/a"), true],
  [exact("td/a"), prefix("td/a"), false],
  [prefix("td"), exact("td/a"), true],
  [prefix("td/a"), prefix("td/a/b"), true],
  [prefix("td/a"), exact("td/a"), true],
  [prefix("td/a"), exact("td/ab"), false],
  [sni("x"), exact("td/a"), false],
  [sni("x"), { ...exact("td/a"), ...sni("x") }, true],
  [exact("td/a"), { ...exact("td/a"), ...sni("x") }, true],
  [{ ...exact("td/a"), ...sni("x") }, exact("td/a"), false],
  [exact("td/a"), sni("x"), false],
];

for (const [broad, narrow, expected] of relations) {
  test(`${JSON.stringify(broad)} ${expected ? "takes in" : "does not take in"} ${JSON.stringify(narrow)}`, () => {
    assert.equal(subsumes(broad, narrow), expected);
  });
}

test("the more specific a match, the earlier it is tried", () => {
  const ordered = [
    { ...exact("td/a"), ...sni("x") },
    exact("td/a"),
    prefix("td/a/b"),
    prefix("td"),
    sni("x"),
  ];
  assert.deepEqual(sortedMatches(ordered.toReversed()), ordered);
  assert.deepEqual(sortedMatches([...ordered, ...ordered]), ordered);
});

test("a caller has what its match says, on top of broader matches, on top of what everybody has", () => {
  const plan = byCaller<Record<string, number>>([
    rule({ a: 4, d: 4 }, exact("td/a/b")),
    rule({ a: 1, b: 1, c: 1, d: 1 }),
    rule({ a: 2, b: 2 }, prefix("td")),
    rule({ a: 3, b: 3, c: 3 }, prefix("td/a")),
  ]);
  assert.deepEqual(plan?.conf, { a: 1, b: 1, c: 1, d: 1 });
  assert.deepEqual(
    plan?.callers?.map(({ conf }) => conf),
    [
      { a: 4, b: 3, c: 3, d: 4 },
      { a: 3, b: 3, c: 3, d: 1 },
      { a: 2, b: 2, c: 1, d: 1 },
    ],
  );
  assert.equal(plan?.callers?.[0]?.origins.b?.policy.startsWith("p"), true);
});

test("matches of other policies get what holds for all of their callers", () => {
  const plan = byCaller<Record<string, number>>([rule({ a: 1 }), rule({ a: 2 }, prefix("td/a"))]);
  assert.deepEqual(forCallers(plan, exact("td/a/x"))?.conf, { a: 2 });
  assert.deepEqual(forCallers(plan, prefix("td"))?.conf, { a: 1 });
  assert.deepEqual(forCallers(plan, undefined)?.conf, { a: 1 });
});

test("without rules there is nothing; with rules for some, nothing for the rest", () => {
  assert.equal(byCaller([]), undefined);
  const plan = byCaller<Record<string, number>>([rule({ a: 1 }, exact("td/a"))]);
  assert.deepEqual(plan?.conf, {});
  assert.deepEqual(forCallers(plan, exact("td/b"))?.conf, {});
});

test("Envoy's first match is the narrowest: it has every rule about the caller and no other", () => {
  const ids = ["td", "td/a", "td/a/b", "td/ab", "other/a"];
  const match = fc.oneof(fc.constantFrom(...ids).map(exact), fc.constantFrom(...ids).map(prefix));
  const rules = fc.array(fc.tuple(fc.array(match, { maxLength: 2 }), fc.constantFrom("x", "y", "z")), {
    maxLength: 6,
  });
  fc.assert(
    fc.property(rules, fc.constantFrom(...ids), (list, id) => {
      const plan = byCaller<Record<string, number>>(
        list.map(([matches, key], i) => rule({ [key]: i }, ...matches)),
      );
      const caller = exact(id);
      const hit = plan?.callers?.find((each) => subsumes(each.match, caller)) ?? plan;
      const about = list.filter(
        ([matches]) => matches.length === 0 || matches.some((each) => subsumes(each, caller)),
      );
      assert.deepEqual(new Set(Object.keys(hit?.conf ?? {})), new Set(about.map(([, key]) => key)));
    }),
  );
});
