import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mismatch } from "./match.ts";

const cases: readonly (readonly [string, string[], string, boolean])[] = [
  ["equal text", ["a", "b"], "a\nb\n", true],
  ["other text", ["a"], "b\n", false],
  ["a missing line", ["a", "b"], "a\n", false],
  ["a line too many", ["a"], "a\nb\n", false],
  ["moved columns", ["NAME   AGE", "a      3s"], "NAME                AGE\na                   3s\n", true],
  ["a placeholder", ["pid <any> of 3"], "pid 4711 of 3\n", true],
  ["a placeholder for nothing", ["pid <any>."], "pid .\n", false],
  ["a placeholder's neighbours are literal", ["a.c <any>"], "abc 1\n", false],
  ["any lines", ["a", "...", "z"], "a\nb\nc\nz\n", true],
  ["any lines, none", ["a", "...", "z"], "a\nz\n", true],
  ["any lines at the end", ["a", "..."], "a\nb\n", true],
  ["a regular expression for the whole line", ["/\\d+ ms/"], "17 ms\n", true],
  ["a regular expression for part of the line", ["/\\d+/"], "17 ms\n", false],
  ["nothing", [], "", true],
  ["nothing, but something came", [], "x\n", false],
];

for (const [name, want, got, fits] of cases) {
  test(`${name} ${fits ? "fits" : "does not fit"}`, () =>
    assert.equal(mismatch(want, got) === undefined, fits));
}

test("a mismatch shows both sides", () => {
  assert.match(mismatch(["a"], "b\n") ?? "", /expected:\n {2}\| a\nbut the output was:\n {2}\| b/);
});

test("any output fits itself, and fits `...`", () => {
  const line = fc.stringMatching(/^[a-z0-9 .*+?()[\]]{0,12}$/).filter((text) => text.trim() !== "...");
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const output = `${lines.join("\n")}\n`;
      assert.equal(mismatch(lines, output), undefined);
      assert.equal(mismatch(["..."], output), undefined);
    }),
  );
});

test("lines replaced by `...` still fit", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 }),
      fc.nat(12),
      fc.nat(12),
      (lines, from, n) => {
        const want = [...lines.slice(0, from), "...", ...lines.slice(from + n)];
        assert.equal(mismatch(want, lines.join("\n")), undefined);
      },
    ),
  );
});
