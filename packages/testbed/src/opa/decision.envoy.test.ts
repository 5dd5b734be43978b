import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { bundleArchive } from "@skein/control-plane/opa/archive";
import { opaBundle, type RegoModule } from "@skein/policies/mesh-opa/bundle";
import { ROOT } from "../world/commands.ts";
import { readBundle } from "./bundle.ts";
import { Rego } from "./rego.ts";

/* The package that the mesh adds, evaluated: it needs a Rego engine, which only the slow tests have. */

const skip = !existsSync(join(ROOT, ".tools/regorus")) && process.env.SKEIN_OPA !== undefined;
const rego = new Rego();
after(() => rego.close());

async function decide(...modules: readonly RegoModule[]): Promise<unknown> {
  const files = readBundle(bundleArchive(opaBundle(modules)));
  await rego.load(Object.fromEntries(Object.entries(files).filter(([path]) => path.endsWith(".rego"))));
  return await rego.evaluate("data.implicitkmesh.allow", {});
}

const module = (name: string, rules: string, ignoreDecision = false): RegoModule => ({
  text: { ok: true, value: `package ${name}\nimport rego.v1\n${rules}` },
  ignoreDecision,
});

const cases: readonly [about: string, modules: readonly RegoModule[], expected: boolean][] = [
  ["one allows", [module("a", "allow := true")], true],
  ["one does not", [module("a", "allow := false")], false],
  ["one says nothing", [module("a", "other := true")], false],
  ["one allows and denies", [module("a", "allow := true\ndeny := true")], false],
  ["one allows and does not deny", [module("a", "allow := true\ndeny := false")], true],
  ["both allow", [module("a", "allow := true"), module('b["c-d"]', "allow := true")], true],
  ["one of two does not", [module("a", "allow := true"), module("b", "allow := false")], false],
  ["one of two denies", [module("a", "allow := true"), module("b", "allow := true\ndeny := true")], false],
  ["a helper denies", [module("a", "allow := true"), module("h", "deny := true", true)], true],
  ["a helper decides", [module("a", "allow := data.h.yes"), module("h", "yes := true", true)], true],
  ["only a helper allows", [module("h", "allow := true", true)], false],
  ["an object that says no", [module("a", 'allow := {"allowed": false}')], false],
  ["nothing", [], false],
  [
    "a module is missing",
    [module("a", "allow := true"), { text: { ok: false, error: "gone" }, ignoreDecision: true }],
    false,
  ],
];

for (const [about, modules, expected] of cases) {
  test(`${about}: ${expected ? "allowed" : "refused"}`, { skip }, async () =>
    assert.equal(await decide(...modules), expected),
  );
}
