import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatSpiffeId, matchesSpiffeId, parseSpiffeId, spiffeIdProblem } from "./spiffe.ts";

test("a SPIFFE ID is taken apart", () => {
  assert.deepEqual(parseSpiffeId("spiffe://td.example/ns/a"), { trustDomain: "td.example", path: "/ns/a" });
  assert.deepEqual(parseSpiffeId("spiffe://td"), { trustDomain: "td", path: "" });
});

test("what is not a SPIFFE ID is refused with a reason", () => {
  const bad: Record<string, RegExp> = {
    "https://td": /start with spiffe/,
    "spiffe://": /cannot be empty/,
    "spiffe:///a": /cannot be empty/,
    "spiffe://TD": /lower case/,
    "spiffe://td:80/a": /lower case/,
    "spiffe://td/": /empty segments/,
    "spiffe://td/a/": /empty segments/,
    "spiffe://td/a//b": /empty segments/,
    "spiffe://td/../b": /'\.\.'/,
    "spiffe://td/a%20b": /segments/,
    [`spiffe://td/${"a".repeat(2048)}`]: /2048/,
  };
  for (const [id, reason] of Object.entries(bad)) assert.match(spiffeIdProblem(id) ?? "", reason, id);
});

test("a prefix ends at a segment boundary", () => {
  const prefix = (value: string, id: string): boolean => matchesSpiffeId({ type: "Prefix", value }, id);
  assert.equal(prefix("spiffe://td/ns/a", "spiffe://td/ns/a"), true);
  assert.equal(prefix("spiffe://td/ns/a", "spiffe://td/ns/a/sa/b"), true);
  assert.equal(prefix("spiffe://td/ns/a", "spiffe://td/ns/ab"), false);
  assert.equal(prefix("spiffe://td/ns/a", "spiffe://td/ns/a-b"), false);
  assert.equal(prefix("spiffe://td", "spiffe://td/x"), true);
  assert.equal(prefix("spiffe://td", "spiffe://td.other/x"), false);
  assert.equal(matchesSpiffeId({ type: "Exact", value: "spiffe://td/a" }, "spiffe://td/a/b"), false);
  assert.equal(matchesSpiffeId({ type: "Exact", value: "spiffe://td/a" }, "spiffe://td/a"), true);
});

const segment = fc.stringMatching(/^[a-zA-Z0-9_-]{1,8}$/);
const id = fc
  .record({
    trustDomain: fc.stringMatching(/^[a-z0-9._-]{1,12}$/),
    segments: fc.array(segment, { maxLength: 4 }),
  })
  .map(({ trustDomain, segments }) => ({ trustDomain, path: segments.map((part) => `/${part}`).join("") }));

test("a SPIFFE ID survives formatting and parsing", () => {
  fc.assert(fc.property(id, (parts) => assert.deepEqual(parseSpiffeId(formatSpiffeId(parts)), parts)));
});

test("a prefix matches exactly the identifiers whose segments it starts", () => {
  fc.assert(
    fc.property(id, id, (a, b) => {
      const prefix = formatSpiffeId(a);
      const ours = a.path.split("/");
      const theirs = b.path.split("/");
      const want = a.trustDomain === b.trustDomain && ours.every((part, index) => theirs[index] === part);
      assert.equal(matchesSpiffeId({ type: "Prefix", value: prefix }, formatSpiffeId(b)), want);
    }),
  );
});
