import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePage } from "./page.ts";

const PAGE = `# A title

Prose with \`code\`.

\`\`\`yaml file=mesh.yaml
type: Mesh
\`\`\`

\`\`\`yaml
just: shown
\`\`\`

\`\`\`sh exit=3
false
exit 3
\`\`\`

\`\`\`text
not run
\`\`\`

\`\`\`sh
echo hello
\`\`\`

It prints:

\`\`\`output eventually=5s
hello
\`\`\`
`;

test("files, commands and outputs come in order, prose does not", () => {
  const page = parsePage("01-x.md", PAGE);
  assert.equal(page.title, "A title");
  assert.deepEqual(page.steps, [
    { kind: "file", line: 5, name: "mesh.yaml", content: "type: Mesh\n" },
    { kind: "command", line: 13, script: "false\nexit 3\n", exit: 3, eventuallyMs: 0 },
    {
      kind: "command",
      line: 22,
      script: "echo hello\n",
      exit: 0,
      eventuallyMs: 5000,
      expected: { line: 28, lines: ["hello"] },
    },
  ]);
});

const mistakes: readonly (readonly [string, string, RegExp])[] = [
  ["an output without commands", "```output\nx\n```\n", /p\.md:1: an output block must follow/],
  ["two outputs for one block", "```sh\nx\n```\n```output\n```\n```output\n```\n", /p\.md:6: /],
  ["an unknown option", "```sh retry=3\nx\n```\n", /unknown option retry; a sh block takes exit, eventually/],
  ["an option without a value", "```output eventually\n```\n", /write key=value/],
  ["a time without a unit", "```sh eventually=5\n```\n", /write a time such as 5s/],
  ["a path as file name", "```yaml file=../x.yaml\n```\n", /use a plain file name/],
  ["an open fence", "text\n```sh\necho\n", /p\.md:2: this block is not closed/],
];

for (const [name, text, message] of mistakes) {
  test(`refuses ${name}`, () => assert.throws(() => parsePage("p.md", text), message));
}
