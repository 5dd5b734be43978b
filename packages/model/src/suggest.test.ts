import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, suggest } from "./suggest.ts";

test("near misses", () => {
  const reasons = ["5xx", "ConnectFailure", "RefusedStream"];
  assert.equal(suggest("ConnectFailed", reasons), undefined);
  assert.equal(suggest("ConectFailure", reasons), "ConnectFailure");
  assert.equal(suggest("connect-failure", reasons), "ConnectFailure");
  assert.equal(suggest("CONNECT_FAILURE", reasons), "ConnectFailure");
  assert.equal(suggest("ot", ["to", "from"]), "to");
  assert.equal(suggest("zzz", ["to", "from"]), undefined);
});

test("edit distance is a metric and knows swaps", () => {
  assert.equal(editDistance("ab", "ba"), 1);
  assert.equal(editDistance("kitten", "sitting"), 3);
  const word = fc.stringMatching(/^[abc]{0,6}$/);
  fc.assert(
    fc.property(word, word, (a, b) => {
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.equal(editDistance(a, b) === 0, a === b);
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
    }),
  );
});
