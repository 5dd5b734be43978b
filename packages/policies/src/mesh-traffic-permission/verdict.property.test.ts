import assert from "node:assert/strict";
import { test } from "node:test";
import { matchesSpiffeId } from "@skein/model";
import fc from "fast-check";
import type { CallerMatch, TargetRef } from "../engine/policy-resource.ts";
import { A, from, id, planOf, rbac, rules, web } from "../testing/permissions.ts";
import { evaluateRbac } from "../testing/rbac.ts";
import { policy } from "../testing/resources.ts";
import { admittedIds } from "./admission.ts";
import type { PermissionAction, PermissionPlan } from "./plan.ts";
import { type Caller, verdict } from "./verdict.ts";

/* Laws: what is explained is what Envoy is told. */

const segment = fc.constantFrom("a", "ab", "b");
const spiffeId = fc
  .tuple(fc.constantFrom("td", "default"), fc.array(segment, { minLength: 1, maxLength: 2 }))
  .map(([domain, path]) => `spiffe://${domain}/${path.join("/")}`);
const spiffeMatch = fc.record({
  spiffeID: fc.record({
    type: fc.constantFrom("Exact" as const, "Prefix" as const),
    value: fc.oneof(spiffeId, fc.constantFrom("spiffe://td", "spiffe://default")),
  }),
});
const serverName = fc.constantFrom("x.mesh", "y.mesh");
const sniMatch = serverName.map((value): CallerMatch => ({ sni: { type: "Exact", value } }));
const anyMatch: fc.Arbitrary<CallerMatch> = fc.oneof(
  spiffeMatch,
  sniMatch,
  fc.tuple(spiffeMatch, sniMatch).map(([one, other]) => ({ ...one, ...other })),
);
const lists = (match: fc.Arbitrary<CallerMatch>) =>
  fc.record(
    Object.fromEntries(
      ["deny", "allowWithShadowDeny", "allow"].map((key) => [key, fc.array(match, { maxLength: 2 })]),
    ),
    { requiredKeys: [] },
  );
const top = fc.constantFrom<TargetRef>(
  { kind: "Mesh" },
  { kind: "Dataplane" },
  { kind: "MeshSubset", tags: {} },
);
const identityPolicies = (match: fc.Arbitrary<CallerMatch>) =>
  fc
    .array(fc.tuple(top, lists(match)), { maxLength: 4 })
    .map((list) =>
      list.map(([targetRef, conf], i) =>
        policy({ targetRef, rules: [{ default: conf }] }, { name: `r${i}` }),
      ),
    );

const tagSet = fc.record(
  { "kuma.io/service": fc.constantFrom("web", "api"), version: fc.constantFrom("1", "2") },
  { requiredKeys: [] },
);
const fromTarget: fc.Arbitrary<TargetRef> = fc.oneof(
  fc.constant({ kind: "Mesh" }),
  tagSet.map((tags) => ({ kind: "MeshSubset", tags })),
  fc.record({ kind: fc.constant("MeshServiceSubset"), name: fc.constantFrom("web", "api"), tags: tagSet }),
);
const action = fc.constantFrom<PermissionAction>("Allow", "Deny", "AllowWithShadowDeny");
const tagPolicies = fc
  .array(fc.tuple(top, fc.array(fc.tuple(fromTarget, action), { minLength: 1, maxLength: 4 })), {
    maxLength: 4,
  })
  .map((list) =>
    list.map(([targetRef, entries], i) =>
      policy(
        {
          targetRef,
          from: entries.map(([target, each]) => ({ targetRef: target, default: { action: each } })),
        },
        { name: `f${i}` },
      ),
    ),
  );

const identityCaller: fc.Arbitrary<Caller> = fc.record({
  uris: spiffeId.map((uri) => [uri]),
  sni: fc.option(serverName, { nil: undefined }),
});
const tagCaller: fc.Arbitrary<Caller> = tagSet.map((tags) => ({
  uris: [
    `spiffe://default/${tags["kuma.io/service"] ?? "other"}`,
    ...Object.entries(tags).map(([tag, value]) => `kuma://${tag}/${value}`),
  ],
  sni: undefined,
}));

/** What the handshake asks for keeps nobody out who would be let in. */
function admitted(plan: PermissionPlan, { uris }: Caller): boolean {
  return admittedIds(plan)?.some((id) => uris.some((uri) => matchesSpiffeId(id, uri))) ?? true;
}

function agree(plan: PermissionPlan | undefined, caller: Caller, shadow: boolean): void {
  assert.ok(plan !== undefined);
  const said = verdict(plan, caller);
  const done = evaluateRbac(rbac(plan), caller);
  assert.equal(done.allowed, said.allowed);
  if (shadow && said.allowed) assert.equal(done.shadowAllowed === false, said.shadowDenied);
  if (said.allowed) assert.ok(admitted(plan, caller));
}

test("verdict and filter agree: by SPIFFE id and server name", () => {
  fc.assert(
    fc.property(identityPolicies(anyMatch), identityCaller, (policies, caller) => {
      agree(planOf("identity", ...policies), caller, true);
    }),
  );
});

test("verdict and filter agree: by tags, through all nested principals", () => {
  fc.assert(
    fc.property(tagPolicies, tagCaller, (policies, caller) => {
      agree(planOf("tags", ...policies), caller, true);
    }),
    { numRuns: 300 },
  );
});

test("verdict and filter agree: by either", () => {
  fc.assert(
    fc.property(
      tagPolicies,
      identityPolicies(spiffeMatch),
      fc.oneof(tagCaller, identityCaller),
      (tagged, identified, caller) => agree(planOf("either", ...tagged, ...identified), caller, false),
    ),
    { numRuns: 300 },
  );
});

test("deny beats allow: whoever any rule denies stays out, whatever else is added", () => {
  fc.assert(
    fc.property(identityPolicies(anyMatch), anyMatch, identityCaller, (policies, match, caller) => {
      const deny = policy({ rules: [{ default: { deny: [match] } }] }, { name: "deny" });
      const alone = verdict(
        planOf(
          "identity",
          deny,
          rules({ allow: [id("spiffe://td", "Prefix"), id("spiffe://default", "Prefix")] }, "all"),
        ) ?? assert.fail(),
        caller,
      );
      const together = verdict(planOf("identity", deny, ...policies) ?? assert.fail(), caller);
      if (!alone.allowed) assert.equal(together.allowed, false);
    }),
  );
});

test("nobody gets in whom no rule lets in; more allows never keep anybody out", () => {
  fc.assert(
    fc.property(identityPolicies(anyMatch), anyMatch, identityCaller, (policies, match, caller) => {
      const before = verdict(planOf("identity", ...policies) ?? assert.fail(), caller);
      assert.ok(!before.allowed || before.origin !== undefined);
      const allow = policy({ rules: [{ default: { allow: [match] } }] }, { name: "more" });
      const after = verdict(planOf("identity", ...policies, allow) ?? assert.fail(), caller);
      assert.ok(after.allowed || !before.allowed);
    }),
  );
});

test("verdict and filter agree: rules, for certificates of the mesh's own CA, which carry several URIs", () => {
  agree(planOf("tags", rules({ allow: [id("spiffe://default/web")] })), web, false);
});

test("verdict and filter agree: by either, with server names", () => {
  fc.assert(
    fc.property(tagPolicies, identityPolicies(anyMatch), identityCaller, (tagged, identified, caller) => {
      agree(planOf("either", ...tagged, ...identified), caller, false);
    }),
  );
});

test("the handshake keeps out whoever no rule is about, and whoever is denied where that can be told by the id alone", () => {
  const B = { uris: ["spiffe://td/b"], sni: undefined };
  const cases: readonly (readonly [PermissionPlan | undefined, a: boolean, b: boolean])[] = [
    [planOf("identity"), false, false],
    [planOf("identity", rules({ allow: [id("spiffe://td/a")] })), true, false],
    [planOf("identity", rules({ allowWithShadowDeny: [id("spiffe://td/b")] })), false, true],
    [planOf("identity", rules({ allow: [id("spiffe://td", "Prefix")] })), true, true],
    [planOf("identity", rules({ allow: [{ sni: { type: "Exact", value: "x" } }] })), true, true],
    [
      planOf("identity", rules({ deny: [id("spiffe://td", "Prefix")], allow: [id("spiffe://td/a")] })),
      false,
      false,
    ],
    [
      planOf("identity", rules({ deny: [id("spiffe://td/b")], allow: [id("spiffe://td", "Prefix")] })),
      true,
      true,
    ],
    [
      planOf(
        "identity",
        rules({
          deny: [{ ...id("spiffe://td/a"), sni: { type: "Exact", value: "x" } }],
          allow: [id("spiffe://td/a")],
        }),
      ),
      true,
      false,
    ],
    [planOf("tags", from("Allow")), true, true],
    [planOf("tags", from("Deny")), false, false],
    [planOf("either", rules({ allow: [id("spiffe://td/a")] }), from("Deny")), true, false],
    [planOf("either", rules({ allow: [id("spiffe://td/a")] }), from("Allow")), true, true],
  ];
  for (const [i, [plan, a, b]] of cases.entries()) {
    assert.ok(plan !== undefined);
    assert.deepEqual([admitted(plan, A), admitted(plan, B)], [a, b], `case ${i}`);
  }
  const service = planOf("tags", from("Allow", { kind: "MeshService", name: "web" }));
  assert.ok(service !== undefined && admitted(service, web) && !admitted(service, A));
});

test("by either, a deny of rules stands as it does before and after the transition", () => {
  const policies = [
    from("Allow", undefined, "b"),
    rules({ deny: [id("spiffe://td/a")], allow: [id("spiffe://td/b")] }, "a"),
  ];
  for (const callers of ["tags", "either", "identity"] as const) {
    assert.equal(verdict(planOf(callers, ...policies) ?? assert.fail(), A).allowed, false, callers);
  }
});
