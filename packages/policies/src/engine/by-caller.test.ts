import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { callerMatch, covers, identifiedCaller } from "../testing/callers.ts";
import { byCaller, callerGroups, callersOf, forCallers, sortedMatches, subsumes } from "./by-caller.ts";
import type { CallerMatch } from "./policy-resource.ts";
import type { InboundRule } from "./rules.ts";

const exact = (value: string): CallerMatch => ({ spiffeID: { type: "Exact", value: `spiffe://${value}` } });
const prefix = (value: string): CallerMatch => ({ spiffeID: { type: "Prefix", value: `spiffe://${value}` } });
const sni = (value: string): CallerMatch => ({ sni: { type: "Exact", value } });
const rule = (conf: unknown, ...matches: CallerMatch[]): InboundRule => ({
  conf,
  matches,
  origin: { policy: JSON.stringify(conf), rule: "rules[0]" },
});

test("no rules, no plan", () => assert.equal(byCaller([]), undefined));

test("each match has what the rules of all its callers say, the broadest first", () => {
  const plan = byCaller<object>([
    rule({ a: 1, b: 1 }, exact("td/ns/web")),
    rule({ a: 2, c: 2 }, prefix("td/ns")),
    rule({ a: 3, b: 3, c: 3, d: 3 }),
    rule({ e: 4 }, prefix("td"), exact("other/web")),
  ]);
  assert.deepEqual(plan?.conf, { a: 3, b: 3, c: 3, d: 3 });
  assert.deepEqual(
    plan?.callers?.map(({ match, conf }) => [match, conf]),
    [
      [exact("other/web"), { a: 3, b: 3, c: 3, d: 3, e: 4 }],
      [exact("td/ns/web"), { a: 1, b: 1, c: 2, d: 3, e: 4 }],
      [prefix("td/ns"), { a: 2, b: 3, c: 2, d: 3, e: 4 }],
      [prefix("td"), { a: 3, b: 3, c: 3, d: 3, e: 4 }],
    ],
  );
  assert.deepEqual(plan?.callers?.[1]?.origins, {
    a: { policy: '{"a":1,"b":1}', rule: "rules[0]" },
    b: { policy: '{"a":1,"b":1}', rule: "rules[0]" },
    c: { policy: '{"a":2,"c":2}', rule: "rules[0]" },
    d: { policy: '{"a":3,"b":3,"c":3,"d":3}', rule: "rules[0]" },
    e: { policy: '{"e":4}', rule: "rules[0]" },
  });
});

test("of two rules about the same callers the later wins", () => {
  const plan = byCaller([rule({ a: 1 }, exact("td/web")), rule({ a: 2 }, exact("td/web"))]);
  assert.deepEqual(
    plan?.callers?.map(({ conf }) => conf),
    [{ a: 2 }],
  );
});

test("who fits an id and a server name has what both rules say, the id's where they differ", () => {
  const plan = byCaller<object>([rule({ a: 1, b: 1 }, exact("td/web")), rule({ b: 2, c: 2 }, sni("x"))]);
  assert.deepEqual(
    plan?.callers?.map(({ match, conf }) => [match, conf]),
    [
      [
        { ...exact("td/web"), ...sni("x") },
        { a: 1, b: 1, c: 2 },
      ],
      [exact("td/web"), { a: 1, b: 1 }],
      [sni("x"), { b: 2, c: 2 }],
    ],
  );
});

test("a match of another policy has what its callers have here", () => {
  const plan = byCaller([rule({ a: 0 }), rule({ a: 1 }, prefix("td/ns"))]);
  assert.deepEqual(forCallers(plan, exact("td/ns/web"))?.conf, { a: 1 });
  assert.equal(forCallers(plan, exact("td/nsx")), plan);
  assert.equal(forCallers(plan, undefined), plan);
});

test("who fits an id and a server name finds a route that knows of both", () => {
  assert.deepEqual(callerGroups([prefix("td"), sni("x"), { ...exact("td/web"), ...sni("y") }]), [
    { ...exact("td/web"), ...sni("y") },
    { ...prefix("td"), ...sni("x") },
    prefix("td"),
    sni("x"),
  ]);
});

test("law: of the groups, the first that a caller fits lies in every match that it fits", () => {
  fc.assert(
    fc.property(fc.array(callerMatch, { maxLength: 5 }), identifiedCaller, (matches, caller) => {
      const group = callerGroups(matches).find((each) => covers(each, caller));
      for (const match of matches) {
        assert.equal(covers(match, caller), group !== undefined && subsumes(match, group));
      }
    }),
  );
});

test("law: a match subsumes another only if it covers all its callers", () => {
  fc.assert(
    fc.property(callerMatch, callerMatch, identifiedCaller, (broad, narrow, caller) => {
      if (subsumes(broad, narrow) && covers(narrow, caller)) assert.ok(covers(broad, caller));
    }),
  );
});

test("law: a field comes from the most specific rule about the caller that sets it, and of equals from the last", () => {
  const some = fc.record({ a: fc.nat(9), b: fc.nat(9) }, { requiredKeys: [] });
  const rules = fc.array(fc.tuple(fc.option(callerMatch, { nil: undefined }), some), { maxLength: 6 });
  fc.assert(
    fc.property(rules, identifiedCaller, (list, caller) => {
      const plan = byCaller<Record<string, number>>(
        list.map(([match, conf], i) => ({
          conf,
          matches: match === undefined ? [] : [match],
          origin: { policy: String(i), rule: "rules[0]" },
        })),
      );
      // Envoy looks for the first group that fits, in this order.
      const group = callerGroups(plan === undefined ? [] : callersOf(plan)).find((each) =>
        covers(each, caller),
      );
      const got = forCallers(plan, group);
      for (const field of ["a", "b"] as const) {
        const setters = list.flatMap(([match, conf], i) =>
          conf[field] !== undefined && (match === undefined || covers(match, caller)) ? [{ match, i }] : [],
        );
        const from = got?.origins[field]?.policy;
        assert.equal(from === undefined, setters.length === 0);
        const winner = setters.find(({ i }) => String(i) === from);
        for (const { match, i } of setters) {
          if (winner === undefined) break;
          assert.ok(
            !isNarrower(match, winner.match) && (i <= winner.i || !isSame(match, winner.match)),
            `${field} of ${JSON.stringify(caller)} is from rule ${from}, and rule ${i} is more specific`,
          );
        }
      }
    }),
    { numRuns: 1000 },
  );
});

/** Whether a match is about some of the callers of another one only; no match is about everybody. */
function isNarrower(match: CallerMatch | undefined, than: CallerMatch | undefined): boolean {
  if (match === undefined) return false;
  return than === undefined || (subsumes(than, match) && !subsumes(match, than));
}

function isSame(one: CallerMatch | undefined, other: CallerMatch | undefined): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

test("law: the order in which matches come never shows", () => {
  fc.assert(
    fc.property(fc.array(callerMatch, { maxLength: 5 }), (matches) => {
      assert.deepEqual(sortedMatches([...matches].reverse()), sortedMatches(matches));
      assert.deepEqual(callerGroups([...matches].reverse()), callerGroups(matches));
      const rules = matches.map((match) => rule({ a: 1 }, match));
      assert.deepEqual(callersOf(byCaller(rules) ?? { conf: {}, origins: {} }), callerGroups(matches));
    }),
  );
});
