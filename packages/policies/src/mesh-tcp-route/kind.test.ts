import assert from "node:assert/strict";
import { test } from "node:test";
import { problems } from "../testing/resources.ts";
import { meshTcpRouteKind } from "./kind.ts";

const service = { kind: "MeshService", name: "backend" };
const ref = (name: string) => ({ kind: "MeshService", name, port: 80 });
const spec = (...backendRefs: object[]) => ({
  to: [{ targetRef: service, rules: [{ default: { backendRefs } }] }],
});

const AT = "spec.to[0].rules[0].default.backendRefs";
const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  ["one backend", spec(ref("v1")), []],
  ["no backend", spec(), [`${AT}: must have at least one entry`]],
  [
    "weights that add up to more than 32 bits",
    spec({ ...ref("v1"), weight: 4_294_967_295 }, ref("v2")),
    [`${AT}: the weights must add up to at most 4294967295`],
  ],
  ["no to", {}, ["spec.to: must have at least one entry"]],
  [
    "two rules",
    { to: [{ targetRef: service, rules: [{ default: {} }, { default: {} }] }] },
    ["spec.to[0].rules: must have at most one entry: connections have nothing to tell them apart"],
  ],
  [
    "a backend without a name",
    spec({ kind: "MeshService" }),
    [`${AT}[0]: must have name or labels with kind MeshService`],
  ],
];

for (const [about, document, expected] of cases) {
  test(about, () => assert.deepEqual(problems(meshTcpRouteKind, document), expected));
}
