import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bundleArchive, revisionOf } from "./archive.ts";

const CONTENT = {
  roots: ["a"],
  files: { "policies/000.rego": "package a\n", "long.rego": "é".repeat(1_000) },
};

test("tar reads what is written", (t) => {
  const directory = mkdtempSync(join(tmpdir(), "skein-bundle-"));
  t.after(() => rmSync(directory, { recursive: true }));
  execFileSync("tar", ["xz", "-C", directory], { input: bundleArchive(CONTENT) });
  const read = (path: string) => readFileSync(join(directory, path), "utf8");
  assert.equal(read("policies/000.rego"), "package a\n");
  assert.equal(read("long.rego"), "é".repeat(1_000));
  assert.deepEqual(JSON.parse(read(".manifest")), { roots: ["a"], revision: revisionOf(CONTENT) });
});

test("equal contents are equal bytes and revisions, others are not", () => {
  assert.deepEqual(bundleArchive(CONTENT), bundleArchive({ ...CONTENT }));
  assert.equal(revisionOf(CONTENT), revisionOf({ ...CONTENT }));
  assert.notEqual(revisionOf(CONTENT), revisionOf({ ...CONTENT, roots: ["b"] }));
  assert.notEqual(revisionOf(CONTENT), revisionOf({ ...CONTENT, files: { a: "" } }));
});

test("a path that does not fit is a bug", () => {
  assert.throws(() => bundleArchive({ roots: [], files: { ["x".repeat(101)]: "" } }), RangeError);
});
