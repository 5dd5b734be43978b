import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallerMatch, PolicyResource } from "../engine/policy-resource.ts";
import { leavingPermissions, mayLeave } from "./leaving.ts";

const PAY = "sni.extsvc.default.pay.443";
const WEB = { uris: ["spiffe://td/web"], sni: PAY };
const web: CallerMatch = { spiffeID: { type: "Exact", value: "spiffe://td/web" } };
const pay: CallerMatch = { sni: { type: "Exact", value: PAY } };

function permission(name: string, rule: Readonly<Record<string, readonly CallerMatch[]>>): PolicyResource {
  return {
    type: "MeshTrafficPermission",
    mesh: "default",
    name,
    labels: {},
    creationTime: "",
    modificationTime: "",
    revision: 1,
    spec: { rules: [{ default: rule }] },
  };
}

const cases: readonly [
  about: string,
  rules: readonly Readonly<Record<string, readonly CallerMatch[]>>[],
  isAllowed: boolean,
][] = [
  ["nothing is said", [], false],
  ["everybody may call it", [{ allow: [pay] }], true],
  ["this caller may call it", [{ allow: [{ ...web, ...pay }] }], true],
  ["this caller may call whom it likes inside", [{ allow: [web] }], false],
  [
    "another one may call it",
    [{ allow: [{ spiffeID: { type: "Exact", value: "spiffe://td/x" }, ...pay }] }],
    false,
  ],
  ["it may call another", [{ allow: [{ sni: { type: "Exact", value: `${PAY}0` } }] }], false],
  ["all may, but this one may call nobody", [{ allow: [pay] }, { deny: [web] }], false],
  ["it may on trial", [{ allowWithShadowDeny: [pay] }], true],
];

for (const [about, rules, isAllowed] of cases) {
  test(`who may leave the mesh: ${about}`, () => {
    const policies = rules.map((rule, i) => permission(`p${i}`, rule));
    assert.equal(mayLeave(policies, WEB), isAllowed);
  });
}

test("a policy that names nothing outside says nothing of the outside", () => {
  assert.equal(leavingPermissions([permission("p", { allow: [web], deny: [web] })]), undefined);
});
