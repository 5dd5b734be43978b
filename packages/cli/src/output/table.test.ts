import assert from "node:assert/strict";
import { test } from "node:test";
import { paintFor } from "./color.ts";
import { renderTable } from "./table.ts";

test("columns are at least six wide and three apart, without trailing spaces", () => {
  assert.equal(
    renderTable(
      ["A", "NAME", "AGE"],
      [
        ["x", "longer name", ""],
        ["", "y", "5s"],
      ],
    ),
    "A     NAME          AGE\nx     longer name\n      y             5s\n",
  );
  assert.equal(renderTable(["NAME", "AGE"], []), "NAME   AGE\n");
});

test("colours and wide characters do not shift columns, line breaks do not break rows", () => {
  const paint = paintFor({ env: {}, stdoutIsTerminal: true });
  const [, first, second] = renderTable(
    ["STATE", "X"],
    [
      [paint("green", "ok"), "1"],
      ["a\n  b", "2"],
    ],
  ).split("\n");
  assert.equal(first, "\u001b[32mok\u001b[0m      1");
  assert.equal(second, "a b     2");
});
