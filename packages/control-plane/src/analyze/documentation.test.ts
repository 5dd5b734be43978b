import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { CODES, type Code } from "./codes.ts";
import { codesIn } from "./testing/findings.ts";

/* docs/analyze.md is held to the code: each code is there, with its severity and its fix, and its example has it. */

const page = readFileSync(join(import.meta.dirname, "../../../../docs/analyze.md"), "utf8");
const [head = "", ...sections] = page.split(/^## (?=SK\d{4}$)/m);
const codes = Object.keys(CODES) as Code[];
/** What no documents can bring about, only a control plane that runs: these have no example. */
const ONLY_LIVE: ReadonlySet<Code> = new Set(["SK0605"]);
/** The day of the examples with certificates. */
const NOW = Date.UTC(2027, 0, 1);

function yamlOf(text: string): string {
  return /```yaml\n([\s\S]*?)```/.exec(text)?.[1] ?? "";
}

/** Both together; a document of the same type and name replaces the first one. */
function together(base: string, more: string): string {
  const documents = new Map(
    [base, more].flatMap((text) =>
      parseAllDocuments(text).map((document) => {
        const content = document.toJS() as { type: string; name: string };
        return [`${content.type}/${content.name}`, JSON.stringify(content)] as const;
      }),
    ),
  );
  return [...documents.values()].join("\n---\n");
}

test("every code is in the table and has a section, and there is no other", () => {
  assert.deepEqual(
    sections.map((section) => section.slice(0, 6)),
    codes,
  );
  for (const code of codes) {
    const { severity, title } = CODES[code];
    const row = head.split("\n").find((line) => line.startsWith(`| [${code}]`));
    assert.deepEqual(
      row
        ?.split("|")
        .map((cell) => cell.trim())
        .slice(2, 4),
      [severity, title],
      code,
    );
  }
});

test("the page's mesh is clean", () => {
  assert.deepEqual(codesIn(yamlOf(head), NOW), []);
});

for (const section of sections) {
  const code = section.slice(0, 6) as Code;
  test(`the example of ${code} has it, and the fix is the code's own`, () => {
    if (ONLY_LIVE.has(code)) assert.equal(yamlOf(section), "");
    else assert.ok(codesIn(together(yamlOf(head), yamlOf(section)), NOW).includes(code));
    assert.ok(section.replaceAll("\n", " ").includes(`Fix: ${CODES[code].fix}.`));
  });
}
