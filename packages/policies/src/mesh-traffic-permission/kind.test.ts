import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problems } from "../testing/resources.ts";
import { meshTrafficPermissionKind } from "./kind.ts";

const MESH = { kind: "Mesh" };
const ID = { spiffeID: { type: "Exact", value: "spiffe://td/a" } };
const SNI = { sni: { type: "Exact", value: "a.mesh" } };
const AT = "spec.rules[0].default";
const rules = (conf: unknown) => ({ rules: [{ default: conf }] });
const spiffe = (value: string, type = "Prefix") => rules({ allow: [{ spiffeID: { type, value } }] });
const VALUE = `${AT}.allow[0].spiffeID.value`;

const cases: readonly [about: string, spec: unknown, fields: readonly string[]][] = [
  ["every list", rules({ deny: [ID], allowWithShadowDeny: [SNI], allow: [{ ...ID, ...SNI }] }), []],
  ["no list", rules({}), [AT]],
  ["empty lists", rules({ allow: [], deny: [] }), [AT]],
  ["an empty entry", rules({ deny: [{}] }), [`${AT}.deny[0]`]],
  ["a prefix that is a whole trust domain", spiffe("spiffe://td"), []],
  ["a prefix that ends with a slash", spiffe("spiffe://td/a/"), [VALUE]],
  ["an id of another scheme", spiffe("https://td/a"), [VALUE]],
  ["an id without a trust domain", spiffe("spiffe:///a"), [VALUE]],
  ["a match by pattern", spiffe("spiffe://td/a", "Regex"), [`${AT}.allow[0].spiffeID.type`]],
  [
    "a prefix of a server name",
    rules({ allow: [{ sni: { type: "Prefix", value: "a" } }] }),
    [`${AT}.allow[0].sni.type`],
  ],
  [
    "a server name that is none",
    rules({ allow: [{ sni: { type: "Exact", value: "A_b" } }] }),
    [`${AT}.allow[0].sni.value`],
  ],
  [
    "spiffeId with a small d",
    rules({ allow: [{ spiffeId: ID.spiffeID }] }),
    [`${AT}.allow[0].spiffeId`, `${AT}.allow[0]`],
  ],
  [
    "matches beside default",
    { rules: [{ matches: [ID], default: { allow: [ID] } }] },
    ["spec.rules[0].matches"],
  ],
  ...["Allow", "Deny", "AllowWithShadowDeny"].map((action): [string, unknown, readonly string[]] => [
    action,
    { from: [{ targetRef: MESH, default: { action } }] },
    [],
  ]),
  ["from without an action", { from: [{ targetRef: MESH, default: {} }] }, ["spec.from[0].default.action"]],
  [
    "ALLOW in capitals",
    { from: [{ targetRef: MESH, default: { action: "ALLOW" } }] },
    ["spec.from[0].default.action"],
  ],
  [
    "callers by tags",
    {
      from: [
        {
          targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "web" } },
          default: { action: "Allow" },
        },
        { targetRef: { kind: "MeshService", name: "web" }, default: { action: "Deny" } },
      ],
    },
    [],
  ],
];

for (const [about, spec, fields] of cases) {
  test(`MeshTrafficPermission: ${about}`, () => {
    const lines = problems(meshTrafficPermissionKind, spec);
    assert.deepEqual(
      lines.map((line) => line.split(": ")[0]),
      fields,
      lines.join("\n"),
    );
  });
}

test("callers by the name of their service are to be named by tags", () => {
  const from = (targetRef: object) => ({ targetRef, default: { action: "Allow" } });
  const { violations, warnings } = parse(meshTrafficPermissionKind, {
    from: [from(MESH), from({ kind: "MeshService", name: "web" })],
  });
  assert.deepEqual(violations, []);
  assert.equal(warnings.length, 2, warnings.join());
  assert.equal(
    warnings[1],
    "spec.from[1].targetRef.kind: MeshService is deprecated; use MeshSubset with the tag kuma.io/service instead",
  );
});
