import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type JsonPatchItem, jsonPatch } from "./json-patch.ts";

/** Applies a patch as RFC 6902 says; a `test` that does not hold throws. */
function apply(document: unknown, patch: readonly JsonPatchItem[]): unknown {
  const root = { "": structuredClone(document) };
  for (const { op, path, value } of patch) {
    const keys = path.split("/").map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = keys.pop() ?? "";
    let parent: object = root;
    for (const key of keys) parent = Reflect.get(parent, key);
    if (op === "test") assert.deepEqual(Reflect.get(parent, last), value);
    else if (Array.isArray(parent))
      parent.splice(Number(last), op === "add" ? 0 : 1, ...(op === "add" ? [value] : []));
    else if (op === "add")
      Object.defineProperty(parent, last, { value, enumerable: true, configurable: true, writable: true });
    else Reflect.deleteProperty(parent, last);
  }
  return root[""];
}

test("a patch makes the second document of the first, and each removal says what goes", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (before, after) => {
      const [from, to] = [JSON.parse(JSON.stringify(before)), JSON.parse(JSON.stringify(after))];
      assert.deepEqual(JSON.parse(JSON.stringify(apply(from, jsonPatch(from, to)))), to);
    }),
    { numRuns: 500 },
  );
});

test("names that every object inherits are names like any other", () => {
  const odd: unknown = JSON.parse('{"__proto__": 0, "constructor": 1}');
  assert.deepEqual(apply(odd, jsonPatch(odd, {})), {});
  assert.equal(JSON.stringify(apply({}, jsonPatch({}, odd))), JSON.stringify(odd));
});

test("only what differs is named, keys are escaped", () => {
  assert.deepEqual(jsonPatch({ a: { "b/c": [1, 2, 3], d: 1 } }, { a: { "b/c": [1, 3], d: 1, e: "x" } }), [
    { op: "test", path: "/a/b~1c/1", value: 2 },
    { op: "remove", path: "/a/b~1c/1", value: 2 },
    { op: "add", path: "/a/e", value: "x" },
  ]);
  assert.deepEqual(jsonPatch({ a: 1 }, { a: 1 }), []);
});
