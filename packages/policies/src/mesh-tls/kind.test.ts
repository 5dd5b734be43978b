import assert from "node:assert/strict";
import { test } from "node:test";
import { problems, valid } from "../testing/resources.ts";
import { meshTlsKind } from "./kind.ts";

const AT = "spec.rules[0].default";
const rules = (conf: unknown, targetRef?: unknown) => ({
  ...(targetRef === undefined ? {} : { targetRef }),
  rules: [{ default: conf }],
});
const VERSIONS = ["TLSAuto", "TLS10", "TLS11", "TLS12", "TLS13"];

const cases: readonly [about: string, spec: unknown, problems: readonly (string | RegExp)[]][] = [
  ["nothing", {}, []],
  ["a mode for some proxies", rules({ mode: "Permissive" }, { kind: "Dataplane", labels: { a: "b" } }), []],
  [
    "every field",
    rules({
      mode: "Strict",
      tlsVersion: { min: "TLS12", max: "TLS13" },
      tlsCiphers: ["ECDHE-RSA-AES256-GCM-SHA384"],
    }),
    [],
  ],
  ["a mode that does not exist", rules({ mode: "strict" }), [/^spec\.rules\[0\]\.default\.mode: /]],
  [
    "a cipher that does not exist",
    rules({ tlsCiphers: ["AES128-SHA"] }),
    [/^spec\.rules\[0\]\.default\.tlsCiphers\[0\]: /],
  ],
  [
    "a version that does not exist",
    rules({ tlsVersion: { min: "TLS14" } }),
    [/^spec\.rules\[0\]\.default\.tlsVersion\.min: /],
  ],
  [
    "versions and ciphers for some proxies",
    rules(
      { tlsVersion: { min: "TLS12" }, tlsCiphers: ["ECDHE-RSA-AES256-GCM-SHA384"] },
      { kind: "Dataplane" },
    ),
    [
      `${AT}.tlsVersion: can be set only when spec.targetRef.kind is Mesh`,
      `${AT}.tlsCiphers: can be set only when spec.targetRef.kind is Mesh`,
    ],
  ],
  [
    "matches",
    { rules: [{ matches: [], default: { mode: "Strict" } }] },
    ["spec.rules[0].matches: unknown field"],
  ],
];

for (const [about, spec, expected] of cases) {
  test(`MeshTLS: ${about}`, () => {
    const lines = problems(meshTlsKind, spec);
    assert.equal(lines.length, expected.length, lines.join("\n"));
    for (const [i, want] of expected.entries()) {
      if (typeof want === "string") assert.equal(lines[i], want);
      else assert.match(lines[i] ?? "", want);
    }
  });
}

test("MeshTLS: min is at most max, where both are definite", () => {
  for (const [low, min] of VERSIONS.entries()) {
    for (const [high, max] of VERSIONS.entries()) {
      const bad = low > 0 && high > 0 && low > high;
      assert.deepEqual(
        problems(meshTlsKind, rules({ tlsVersion: { min, max } })),
        bad ? [`${AT}.tlsVersion.min: must not be greater than max`] : [],
      );
    }
  }
});

test("MeshTLS: one end of the range may be left out", () => {
  const { spec } = valid(meshTlsKind, rules({ tlsVersion: { min: "TLS13" } }));
  assert.deepEqual(spec.rules?.[0]?.default, { tlsVersion: { min: "TLS13", max: "TLSAuto" } });
});
