import assert from "node:assert/strict";
import { test } from "node:test";
import { opaBundle, type RegoModule } from "./bundle.ts";

const module = (value: string, ignoreDecision = false): RegoModule => ({
  text: { ok: true, value },
  ignoreDecision,
});
const decision = (...modules: readonly RegoModule[]): string =>
  opaBundle(modules).files["implicitkmesh.rego"] ?? "";
const CLOSED = "package implicitkmesh\nimport rego.v1\ndefault allow := false\n";

test("the decision needs every package that has a say, each once", () => {
  assert.equal(
    decision(
      module("package a"),
      module('package b.c["d-e"]'),
      module("package a\nx := 1"),
      module("package h", true),
    ),
    `${CLOSED}allow if {
\tdata.a.allow == true
\tnot data.a.deny
\tdata.b.c["d-e"].allow == true
\tnot data.b.c["d-e"].deny
}
`,
  );
});

test("a package has a say when one of its modules has", () => {
  const both = decision(module("package a"), module("package a", true));
  assert.equal(both, decision(module("package a", true), module("package a")));
  assert.match(both, /data\.a\.allow/);
});

test("nobody is allowed where nothing has a say", () => {
  assert.equal(decision(), CLOSED);
  assert.equal(decision(module("package a", true)), CLOSED);
});

test("nobody is allowed while a module is missing, and the bundle says which", () => {
  const missing: RegoModule = { text: { ok: false, error: "there is no Secret" }, ignoreDecision: true };
  assert.equal(decision(module("package a"), missing), `# module 1: there is no Secret\n${CLOSED}`);
});

test("a Secret without a package is missing too, and none of it is told", () => {
  const text = decision(module("password"));
  assert.match(text, /^# module 0: must be a Rego module/);
  assert.doesNotMatch(text, /password|allow if/);
});

test("modules are carried as they are, and no root is inside another", () => {
  const { roots, files } = opaBundle([module("package a.b"), module("package a"), module("package ab")]);
  assert.deepEqual(roots, ["a", "ab", "implicitkmesh"]);
  assert.deepEqual(Object.keys(files), [
    "policies/000.rego",
    "policies/001.rego",
    "policies/002.rego",
    "implicitkmesh.rego",
  ]);
  assert.equal(files["policies/001.rego"], "package a");
});
