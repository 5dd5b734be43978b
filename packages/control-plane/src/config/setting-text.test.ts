import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readText } from "./setting-text.ts";

describe("settings as text", () => {
  it("reads flags as Go does", () => {
    for (const text of ["1", "t", "T", "true", "TRUE", "True"])
      assert.deepEqual(readText("flag", text), { value: true });
    for (const text of ["0", "f", "false", "FALSE"])
      assert.deepEqual(readText("flag", text), { value: false });
    assert.deepEqual(readText("flag", "yes"), { reason: "must be true or false, not yes" });
  });

  it("reads numbers, lists and maps", () => {
    assert.deepEqual(readText("number", " 5681 "), { value: 5681 });
    assert.deepEqual(readText("number", "5681x"), { reason: "must be a whole number, not 5681x" });
    assert.deepEqual(readText("list", "a, b,c"), { value: ["a", "b", "c"] });
    assert.deepEqual(readText("list", ""), { value: [] });
    assert.deepEqual(readText("map", "k:v,k2:v:2"), { value: { k: "v", k2: "v:2" } });
    assert.deepEqual(readText("map", "k"), { reason: "must be pairs such as key:value,key2:value2, not k" });
  });

  it("takes an empty text as empty where that means something, and as absent elsewhere", () => {
    assert.deepEqual(readText("text", ""), { value: "" });
    assert.equal(readText("flag", ""), undefined);
    assert.equal(readText("number", ""), undefined);
  });

  it("refuses documents", () => {
    assert.ok("reason" in (readText("document", "[]") ?? {}));
  });
});
