import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coversText } from "./covers-text.ts";
import { parseExpression } from "./parse.ts";

for (const [regex, text, covered] of [
  ["", "", true],
  ["a|ab", "ab", true],
  ["/v[0-9]+/.*", "/v12/x", true],
  ["/v[0-9]+", "/v12/x", false],
  ["(?i)/API", "/api", true],
  ["/(?i:A)b", "/aB", false],
  ["(?i)a(?-i)B", "AB", true],
  ["[[:alpha:]]+[[:digit:]]", "abc1", true],
  ["[^[:digit:]]+", "ab", true],
  ["[]a]+", "]a", true],
  ["[^&]+[(|)/]", "a(", true],
  ["[\\&\\-a]+", "&-a", true],
  ["[a\\]]+", "a]", true],
  ["(?P<name>a)(?<other>b)", "ab", true],
  ["\\Aa\\z", "a", true],
  ["\\x{41}\\x42\\pL", "ABc", true],
  ["\\/a\\-b\\.c", "/a-b.c", true],
  ["a{2,3}", "aaaa", false],
  ["a{2,}", "aaaa", true],
  ["a{,2}", "a{,2}", true],
  ["^a$|b\\b", "b", true],
  [".", "\n", false],
  ["(?s).", "\n", true],
  ["(?U)a+", "aaa", true],
  ["é+", "éé", true],
] as const) {
  test(`${regex} ${covered ? "covers" : "does not cover"} ${JSON.stringify(text)}`, () => {
    assert.equal(coversText(regex, text), covered);
  });
}

for (const regex of [
  "(",
  ")",
  "a)",
  "[a",
  "*",
  "a**",
  "a|*",
  "a{2}{3}",
  "[b-a]",
  "\\",
  "[[:no:]]",
  "a{1001}",
  "(?=a)",
  "(?x)",
]) {
  test(`${regex} is no expression`, () => assert.throws(() => parseExpression(regex), SyntaxError));
}

const { regex } = fc.letrec<{ regex: string }>((tie) => ({
  regex: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "\\w", "\\b", "^", "$"),
    fc.tuple(tie("regex"), tie("regex")).map(([one, two]) => one + two),
    fc.tuple(tie("regex"), tie("regex")).map(([one, two]) => `(${one}|${two})`),
    fc
      .tuple(tie("regex"), fc.constantFrom("*", "+?", "?", "{0,2}", "{2}"))
      .map(([one, sign]) => `(?:${one})${sign}`),
  ),
}));

test("where both languages write alike, it decides as JavaScript does", () => {
  let covered = 0;
  const text = fc.string({ unit: fc.constantFrom("a", "b", "-"), maxLength: 5 });
  fc.assert(
    fc.property(regex, text, (source, sample) => {
      const wanted = new RegExp(`^(?:${source})$`, "u").test(sample);
      if (wanted) covered += 1;
      assert.equal(coversText(source, sample), wanted);
    }),
    { numRuns: 3000 },
  );
  assert.ok(covered > 300, `only ${covered} of 3000 were covered`);
});

test("an expression that a search which goes back never finishes is decided", () => {
  assert.equal(coversText("(a+)+b", "a".repeat(200)), false);
  assert.equal(coversText("(.*)*(.*)*x", "a".repeat(200)), false);
});
