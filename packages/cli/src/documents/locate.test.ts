import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parsePath } from "./locate.ts";
import { parseSource } from "./parse.ts";

test("paths as the API writes them", () => {
  assert.deepEqual(parsePath("spec.to[0].default"), ["spec", "to", 0, "default"]);
  assert.deepEqual(parsePath('labels["kuma.io/zone"]'), ["labels", "kuma.io/zone"]);
  assert.deepEqual(parsePath('labels["a\\"b"].c'), ["labels", 'a"b', "c"]);
  assert.deepEqual(parsePath(""), []);
});

function locator(text: string) {
  const [document] = parseSource({ name: "x", text }).documents;
  assert.ok(document);
  return (field: string): string => document.locate(parsePath(field));
}

test("a position is that of the key, the list entry, or the nearest parent that exists", () => {
  const at = locator(
    'type: A\nlabels:\n  "kuma.io/zone": z\nspec:\n  to:\n    - a: 1\n    - {b: 2, c: [x]}\n',
  );
  assert.equal(at("type"), "1:1");
  assert.equal(at('labels["kuma.io/zone"]'), "3:3");
  assert.equal(at("spec.to[1].c[0]"), "7:18");
  assert.equal(at("spec.to[7].x"), "5:3");
  assert.equal(at("nowhere"), "1:1");
});

test("aliases and merged keys are looked up where they are defined", () => {
  const at = locator("base: &b\n  x: 1\nuse:\n  <<: *b\nother: *b\n");
  assert.equal(at("other.x"), "2:3");
  assert.equal(at("use.x"), "3:1");
});

test("any text is parsed or refused, never thrown over", () => {
  const anything = fc.oneof(
    fc.string(),
    fc.json(),
    fc.string({ unit: fc.constantFrom(..."a: -[]{}&*!|>'\"%@`\n\t #") }),
  );
  fc.assert(
    fc.property(anything, (text) => {
      const { documents, problems } = parseSource({ name: "x", text });
      for (const document of documents) assert.match(document.locate(["a", 0]), /^\d+:\d+$/);
      for (const problem of problems) assert.match(problem.position, /^\d+:\d+$/);
    }),
  );
});

test("a document that blows up through aliases is refused", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 9; level++) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(", ")}]`);
  }
  const { problems } = parseSource({ name: "x", text: lines.join("\n") });
  assert.match(problems[0]?.message ?? "", /alias/);
});
