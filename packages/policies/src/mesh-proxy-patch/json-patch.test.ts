import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonPatchStep } from "./conf.ts";
import { applyJsonPatch } from "./json-patch.ts";

const cases: readonly [about: string, before: unknown, steps: readonly JsonPatchStep[], after: unknown][] = [
  ["add a field", { a: 1 }, [{ op: "add", path: "/b", value: 2 }], { a: 1, b: 2 }],
  ["add over a field", { a: 1 }, [{ op: "add", path: "/a", value: 2 }], { a: 2 }],
  ["add makes objects", {}, [{ op: "add", path: "/a/b", value: 1 }], { a: { b: 1 } }],
  ["add makes lists", {}, [{ op: "add", path: "/a/-/b", value: 1 }], { a: [{ b: 1 }] }],
  ["add into a list", { a: [1, 3] }, [{ op: "add", path: "/a/1", value: 2 }], { a: [1, 2, 3] }],
  ["add to a list", { a: [1] }, [{ op: "add", path: "/a/-", value: 2 }], { a: [1, 2] }],
  ["add counted from the end", { a: [1, 3] }, [{ op: "add", path: "/a/-1", value: 4 }], { a: [1, 3, 4] }],
  ["replace", { a: { b: 1 } }, [{ op: "replace", path: "/a/b", value: [2] }], { a: { b: [2] } }],
  ["replace the last entry", { a: [1, 2] }, [{ op: "replace", path: "/a/-1", value: 3 }], { a: [1, 3] }],
  ["remove", { a: 1, b: 2 }, [{ op: "remove", path: "/a" }], { b: 2 }],
  ["remove the last entry", { a: [1, 2] }, [{ op: "remove", path: "/a/-1" }], { a: [1] }],
  [
    "remove what is not there",
    { a: [1] },
    [
      { op: "remove", path: "/b/c" },
      { op: "remove", path: "/a/7" },
    ],
    { a: [1] },
  ],
  ["move", { a: 1, b: {} }, [{ op: "move", from: "/a", path: "/b/c" }], { b: { c: 1 } }],
  ["copy", { a: { x: 1 } }, [{ op: "copy", from: "/a", path: "/b" }], { a: { x: 1 }, b: { x: 1 } }],
  [
    "keys with slashes and tildes",
    { "a/b": { "~": 1 } },
    [{ op: "remove", path: "/a~1b/~0" }],
    { "a/b": {} },
  ],
  [
    "one after the other",
    {},
    [
      { op: "add", path: "/a", value: 1 },
      { op: "move", from: "/a", path: "/b" },
    ],
    { b: 1 },
  ],
];

for (const [about, before, steps, after] of cases) {
  test(`JSON patch: ${about}`, () => {
    const frozen = JSON.stringify(before);
    assert.deepEqual(applyJsonPatch(before, steps), after);
    assert.equal(JSON.stringify(before), frozen, "the document itself is left alone");
  });
}

const refused: readonly [step: JsonPatchStep, message: RegExp][] = [
  [
    { op: "replace", path: "/b", value: 1 },
    /replace \/b: there is nothing at this path; "add" would make it/,
  ],
  [{ op: "copy", from: "/b", path: "/c" }, /copy \/b: there is nothing at this path/],
  [{ op: "add", path: "/a/5", value: 1 }, /add \/a\/5: the list has 1 entries/],
  [{ op: "add", path: "/a/x", value: 1 }, /add \/a\/x: the list has 1 entries/],
  [{ op: "add", path: "/a/0/x", value: 1 }, /its parent is neither an object nor a list/],
];

for (const [step, message] of refused) {
  test(`JSON patch: ${step.op} ${step.path} cannot be done`, () => {
    assert.throws(() => applyJsonPatch({ a: [1] }, [step]), message);
  });
}
