import assert from "node:assert/strict";
import { test } from "node:test";
import { commonHosts, compareHosts, covers, ownerOf } from "./hostnames.ts";

test("covers: a wildcard is about names of any depth below its domain, not about the domain", () => {
  assert.ok(covers("*", "a.b"));
  assert.ok(covers("*", "*.b"));
  assert.ok(covers("*.b", "a.b"));
  assert.ok(covers("*.b", "c.a.b"));
  assert.ok(covers("*.b", "*.a.b"));
  assert.ok(covers("a.b", "a.b"));
  assert.ok(!covers("*.b", "b"));
  assert.ok(!covers("*.b", ".b"));
  assert.ok(!covers("*.b", "a.xb"));
  assert.ok(!covers("*.b", "*"));
  assert.ok(!covers("a.b", "*.b"));
});

test("commonHosts is the narrower of the two, or nothing", () => {
  assert.equal(commonHosts("*", "*.b"), "*.b");
  assert.equal(commonHosts("a.b", "*.b"), "a.b");
  assert.equal(commonHosts("*.a.b", "*.b"), "*.a.b");
  assert.equal(commonHosts("*.a", "*.b"), undefined);
  assert.equal(commonHosts("a.b", "c.b"), undefined);
});

test("whole names are looked up before wildcards, longer ones before shorter", () => {
  const hosts = ["*", "*.b", "a.b", "*.a.b", "longer.a.b"];
  assert.deepEqual(hosts.toSorted(compareHosts), ["longer.a.b", "a.b", "*.a.b", "*.b", "*"]);
});

test("the most specific pattern gets the hosts", () => {
  assert.equal(ownerOf("x.a.b", ["*", "*.b", "*.a.b"]), "*.a.b");
  assert.equal(ownerOf("*.b", ["*", "*.a.b"]), "*");
  assert.equal(ownerOf("x.c", ["*.b"]), undefined);
});
