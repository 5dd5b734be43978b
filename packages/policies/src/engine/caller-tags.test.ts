import assert from "node:assert/strict";
import { test } from "node:test";
import { callerTagsHeader, callerTagsRegex } from "./caller-tags.ts";
import type { TargetRef } from "./policy-resource.ts";

const HEADER = "&kuma.io/service=api,web&&team=a.b&&version=v1&";

test("the tags of all inbounds, sorted", () => {
  const inbounds = [
    { version: "v1", "kuma.io/service": "web" },
    { "kuma.io/service": "api", team: "a.b", version: "v1" },
  ];
  assert.equal(callerTagsHeader(inbounds), HEADER);
  assert.equal(callerTagsHeader([{}]), undefined);
});

const subset = (tags: Record<string, string>): TargetRef => ({ kind: "MeshSubset", tags });
const cases: readonly [target: TargetRef, covered: boolean][] = [
  [{ kind: "MeshService", name: "web" }, true],
  [{ kind: "MeshService", name: "api" }, true],
  [{ kind: "MeshService", name: "eb" }, false],
  [{ kind: "MeshService", name: "we" }, false],
  [{ kind: "MeshServiceSubset", name: "web", tags: { version: "v1" } }, true],
  [{ kind: "MeshServiceSubset", name: "web", tags: { version: "v2" } }, false],
  [subset({ version: "v1", team: "a.b" }), true],
  [subset({ team: "axb" }), false],
  [subset({ team: "*" }), true],
  [subset({ zone: "*" }), false],
];
for (const [target, covered] of cases) {
  test(`${JSON.stringify(target)} ${covered ? "is" : "is not"} about the caller`, () => {
    const regex = callerTagsRegex(target);
    assert.ok(regex !== undefined);
    assert.equal(new RegExp(`^(?:${regex})$`).test(HEADER), covered);
  });
}

test("everybody needs no header", () => {
  assert.equal(callerTagsRegex({ kind: "Mesh" }), undefined);
  assert.equal(callerTagsRegex(subset({})), undefined);
});
