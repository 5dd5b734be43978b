import assert from "node:assert/strict";
import { existsSync, globSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { policyList } from "./list.ts";

for (const { kind, load } of policyList) {
  test(`${kind.type}: schema and translation are one policy's`, async () => {
    assert.equal((await load()).kind, kind);
  });
}

test("every folder of a policy is in the list, and is all that the policy is", () => {
  const folders = globSync("mesh-*/kind.ts", { cwd: import.meta.dirname }).map(
    (file) => file.split("/")[0] ?? "",
  );
  assert.equal(folders.length, policyList.length);
  for (const folder of folders) {
    const missing = ["policy.ts", "README.md", "golden", "kind.test.ts"].filter(
      (part) => !existsSync(join(import.meta.dirname, folder, part)),
    );
    assert.deepEqual(missing, [], folder);
  }
});
