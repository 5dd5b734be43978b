import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { goldenCases, goldenFolder, render } from "./testing/golden.ts";

/* Resources in, plans and Envoy configuration out. `UPDATE_GOLDEN=1` writes what comes out; read the difference. */

const update = process.env.UPDATE_GOLDEN === "1";

test("there are cases", () => assert.ok(goldenCases().length > 10));

for (const name of goldenCases()) {
  test(`golden: ${name}`, () => {
    const rendered = render(name);
    for (const part of ["plan", "envoy"] as const) {
      const file = join(goldenFolder(name), `${part}.yaml`);
      if (update) writeFileSync(file, rendered[part]);
      assert.ok(existsSync(file), `${file} is not there; UPDATE_GOLDEN=1 makes it`);
      assert.equal(rendered[part], readFileSync(file, "utf8"), `${name}/${part}.yaml has changed`);
    }
  });
}
