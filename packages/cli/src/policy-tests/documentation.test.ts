import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { skeinKinds } from "../skein-kinds.ts";
import { createSandbox } from "../testing/run-command.ts";
import { suiteSchema } from "./schema.ts";

const page = readFileSync(
  fileURLToPath(new URL("../../../../docs/policy-tests.md", import.meta.url)),
  "utf8",
);
const [mesh = "", tests = ""] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text);

test("the page's tests hold for the page's mesh, and not without its permission", async () => {
  using sandbox = createSandbox({ loadKinds: async () => skeinKinds() });
  sandbox.file("mesh.yaml", mesh);
  const file = sandbox.file("air.test.yaml", tests);
  const { code, out } = await sandbox.run("test", file);
  assert.equal(code, 0, out);
  sandbox.file("mesh.yaml", mesh.replace("/portal}", "/nobody}"));
  assert.equal((await sandbox.run("test", file)).code, 1);
});

test("every field is on the page", () => {
  const { tests: list } = suiteSchema.shape;
  const test = list.element.shape;
  const expect = test.expect.unwrap().shape;
  for (const field of [suiteSchema.shape, test, expect].flatMap((shape) => Object.keys(shape))) {
    if (["tests", "expect"].includes(field)) continue;
    assert.match(page, new RegExp(`\`(tests\\[\\]\\.(expect\\.)?)?${field}\``), field);
  }
});
