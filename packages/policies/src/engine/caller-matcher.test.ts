import assert from "node:assert/strict";
import { test } from "node:test";
import { Matcher_MatcherList_PredicateSchema as PredicateSchema } from "@skein/envoy-api/xds/type/matcher/v3/matcher_pb";
import { matchesSpiffeId } from "@skein/model";
import fc from "fast-check";
import { json } from "../testing/drafts.ts";
import { predicateHolds } from "../testing/rbac.ts";
import { anyOf } from "./caller-matcher.ts";
import type { CallerMatch } from "./policy-resource.ts";

const exact = (value: string): CallerMatch => ({ spiffeID: { type: "Exact", value } });
const prefix = (value: string): CallerMatch => ({ spiffeID: { type: "Prefix", value } });
const sni = (value: string): CallerMatch => ({ sni: { type: "Exact", value } });

const holds = (matches: readonly CallerMatch[], uri: string, asked?: string): boolean => {
  const predicate = anyOf(matches);
  assert.ok(predicate !== undefined);
  return predicateHolds(json(PredicateSchema, predicate), { uris: [uri], sni: asked });
};

const cases: readonly [
  about: string,
  matches: readonly CallerMatch[],
  uri: string,
  sni: string | undefined,
  is: boolean,
][] = [
  ["the id itself", [exact("spiffe://td/a")], "spiffe://td/a", undefined, true],
  ["an id below it", [exact("spiffe://td/a")], "spiffe://td/a/b", undefined, false],
  ["a prefix: the id itself", [prefix("spiffe://td/a")], "spiffe://td/a", undefined, true],
  ["a prefix: whole segments below", [prefix("spiffe://td/a")], "spiffe://td/a/b", undefined, true],
  ["a prefix: not half a segment", [prefix("spiffe://td/a")], "spiffe://td/ab", undefined, false],
  ["a trust domain", [prefix("spiffe://td")], "spiffe://td/x", undefined, true],
  ["a trust domain that looks alike", [prefix("spiffe://td")], "spiffe://td.other/x", undefined, false],
  ["a server name", [sni("a.mesh")], "spiffe://td/a", "a.mesh", true],
  ["another server name", [sni("a.mesh")], "spiffe://td/a", "b.mesh", false],
  ["no server name", [sni("a.mesh")], "spiffe://td/a", undefined, false],
  [
    "both parts must hold",
    [{ ...exact("spiffe://td/a"), ...sni("a.mesh") }],
    "spiffe://td/a",
    "b.mesh",
    false,
  ],
  ["both parts hold", [{ ...exact("spiffe://td/a"), ...sni("a.mesh") }], "spiffe://td/a", "a.mesh", true],
  ["one of several", [exact("spiffe://td/a"), exact("spiffe://td/b")], "spiffe://td/b", undefined, true],
  ["none of several", [exact("spiffe://td/a"), exact("spiffe://td/b")], "spiffe://td/c", undefined, false],
];

for (const [about, matches, uri, asked, is] of cases) {
  test(`callers: ${about} ${is ? "matches" : "does not match"}`, () => {
    assert.equal(holds(matches, uri, asked), is);
  });
}

test("an entry that asks for nothing makes no predicate", () => {
  assert.equal(anyOf([]), undefined);
  assert.equal(anyOf([{}]), undefined);
});

test("Envoy's predicate and ours agree", () => {
  const segment = fc.constantFrom("a", "ab", "b");
  const id = fc
    .tuple(fc.constantFrom("td", "td.x"), fc.array(segment, { maxLength: 2 }))
    .map(([domain, path]) => ["spiffe:/", domain, ...path].join("/"));
  const type = fc.constantFrom("Exact" as const, "Prefix" as const);
  fc.assert(
    fc.property(fc.array(fc.record({ type, value: id }), { minLength: 1, maxLength: 3 }), id, (ids, uri) => {
      assert.equal(
        holds(
          ids.map((spiffeID) => ({ spiffeID })),
          uri,
        ),
        ids.some((each) => matchesSpiffeId(each, uri)),
      );
    }),
  );
});
