import assert from "node:assert/strict";
import { test } from "node:test";
import { isHostName, isIp, isUnspecifiedIp } from "./address.ts";
import { labelKeyProblems, labelValueProblems, validateMeshReference, validateName } from "./names.ts";

test("resource names are lowercase RFC 1123 subdomains", () => {
  for (const name of ["a", "a-b", "a.b", "0", "a".repeat(253)])
    assert.deepEqual(validateName(name), [], name);
  const bad = ["A", "a_b", "-a", "a-", "a..b", ".a", "a/b", "a b", "ä", "a\n", "a\u0000", "..", "a%2fb"];
  for (const name of bad) assert.match(validateName(name)[0]?.reason ?? "", /^invalid characters\./, name);
  assert.deepEqual(validateName(""), [{ field: "name", reason: "cannot be empty" }]);
  assert.deepEqual(validateName("a".repeat(254)), [
    { field: "name", reason: "value length must less or equal 253" },
  ]);
});

test("mesh references may contain an underscore", () => {
  assert.deepEqual(validateMeshReference("old_mesh"), []);
  assert.equal(validateMeshReference("Mesh").length, 1);
  assert.equal(validateMeshReference("").length, 1);
  assert.equal(validateMeshReference("a/b").length, 1);
});

test("label keys and values follow Kubernetes", () => {
  for (const key of ["a", "kuma.io/zone", "A_b.c", "k8s.kuma.io/is-headless-service"]) {
    assert.deepEqual(labelKeyProblems(key), [], key);
  }
  for (const key of ["", "/a", "a/", "a/b/c", "-a", "A.io/b", "a".repeat(64), "__proto__"]) {
    assert.notDeepEqual(labelKeyProblems(key), [], key);
  }
  for (const value of ["", "v1", "A.b_c-d"]) assert.deepEqual(labelValueProblems(value), [], value);
  for (const value of ["a".repeat(64), "-a", "a b", "a/b"])
    assert.notDeepEqual(labelValueProblems(value), [], value);
});

test("addresses", () => {
  for (const ip of ["127.0.0.1", "::", "::1", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:10.0.0.1", "1::8"]) {
    assert.equal(isIp(ip), true, ip);
  }
  for (const ip of [
    "256.0.0.1",
    "1.2.3",
    "01.2.3.4",
    ":::",
    "1:2:3:4:5:6:7:8:9",
    "1::2::3",
    "1:2",
    "[::1]",
    "g::",
  ]) {
    assert.equal(isIp(ip), false, ip);
  }
  assert.equal(isUnspecifiedIp("0.0.0.0"), true);
  assert.equal(isUnspecifiedIp("0:0::0"), true);
  assert.equal(isUnspecifiedIp("::1"), false);
  assert.equal(isHostName("web.example.com"), true);
  assert.equal(isHostName("10.0.0"), false);
  assert.equal(isHostName("a b"), false);
});
