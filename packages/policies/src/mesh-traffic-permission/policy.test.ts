import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyResource, TargetRef } from "../engine/policy-resource.ts";
import { A, bySpiffe, from, id, planOf, rbac, rules, web } from "../testing/permissions.ts";
import { evaluateRbac } from "../testing/rbac.ts";
import { type Caller, verdict } from "./verdict.ts";

test("a proxy without an identity decides nothing", () => {
  assert.equal(planOf(undefined, rules({ allow: [id("spiffe://td/a")] })), undefined);
  assert.equal(rbac(undefined), undefined);
});

test("no policy: nobody gets in, and that is said with a name", () => {
  for (const callers of ["identity", "tags", "either"] as const) {
    const plan = planOf(callers);
    assert.ok(plan !== undefined);
    assert.deepEqual(verdict(plan, A), { allowed: false, origin: undefined, shadowDenied: false });
    assert.equal(evaluateRbac(rbac(plan), A).allowed, false);
  }
  const answer = rbac(planOf("identity")) as { readonly matcher: { readonly onNoMatch: object } };
  assert.deepEqual(Reflect.get(answer.matcher.onNoMatch, "action").typedConfig, {
    "@type": "type.googleapis.com/envoy.config.rbac.v3.Action",
    name: "default",
    action: "DENY",
  });
});

test("by SPIFFE id: the filter names the policy that decides", () => {
  const plan = planOf("identity", rules({ allow: [id("spiffe://td/a")] }, "allow-a"));
  assert.deepEqual(rbac(plan), {
    matcher: {
      matcherList: {
        matchers: [
          {
            predicate: {
              singlePredicate: {
                input: {
                  name: "envoy.matching.inputs.uri_san",
                  typedConfig: {
                    "@type": "type.googleapis.com/envoy.extensions.matching.common_inputs.ssl.v3.UriSanInput",
                  },
                },
                valueMatch: { exact: "spiffe://td/a" },
              },
            },
            onMatch: {
              action: {
                name: "envoy.filters.rbac.action",
                typedConfig: {
                  "@type": "type.googleapis.com/envoy.config.rbac.v3.Action",
                  name: "kri_mtp_default___allow-a_",
                },
              },
            },
          },
        ],
      },
      onNoMatch: {
        action: {
          name: "envoy.filters.rbac.action",
          typedConfig: {
            "@type": "type.googleapis.com/envoy.config.rbac.v3.Action",
            name: "default",
            action: "DENY",
          },
        },
      },
    },
  });
});

test("tcp gets the network filter, with a prefix for its statistics", () => {
  const filter = rbac(planOf("identity", rules({ allow: [id("spiffe://td/a")] })), "tcp") as object;
  assert.equal(Reflect.get(filter, "name"), "envoy.filters.network.rbac");
  assert.equal(Reflect.get(Reflect.get(filter, "typedConfig"), "statPrefix"), "localhost_8080.");
});

test("every deny goes before every allow, whatever the targets", () => {
  const plan = planOf(
    "identity",
    rules({ allow: [id("spiffe://td/a")] }, "allow", {
      kind: "Dataplane",
      name: "web-01",
      sectionName: "http",
    }),
    rules({ deny: [id("spiffe://td", "Prefix")] }, "deny"),
  );
  assert.ok(plan !== undefined);
  assert.deepEqual(verdict(plan, A), {
    allowed: false,
    origin: { policy: "kri_mtp_default___deny_", rule: "rules[0]" },
    shadowDenied: false,
  });
  assert.equal(evaluateRbac(rbac(plan), A).allowed, false);
});

test("allow with shadow deny lets in and is counted", () => {
  const plan = planOf(
    "identity",
    rules({ allowWithShadowDeny: [id("spiffe://td/a")], allow: [id("spiffe://td/b")] }),
  );
  assert.ok(plan !== undefined);
  assert.equal(verdict(plan, A).allowed, true);
  assert.equal(verdict(plan, A).shadowDenied, true);
  assert.deepEqual(evaluateRbac(rbac(plan), A), { allowed: true, shadowAllowed: false });
  const b = bySpiffe("spiffe://td/b");
  assert.deepEqual(evaluateRbac(rbac(plan), b), { allowed: true, shadowAllowed: true });
});

test("by SPIFFE id, from does not count", () => {
  assert.equal(verdict(planOf("identity", from("Allow")) ?? assert.fail(), A).allowed, false);
});

const SUBSET = (tags: Record<string, string>): TargetRef => ({ kind: "MeshSubset", tags });

const byTags: readonly [
  about: string,
  policies: readonly PolicyResource[],
  caller: Caller,
  allowed: boolean,
][] = [
  ["the whole mesh", [from("Allow")], web, true],
  ["a service", [from("Allow", { kind: "MeshService", name: "web" })], web, true],
  ["another service", [from("Allow", { kind: "MeshService", name: "api" })], web, false],
  ["a tag", [from("Allow", SUBSET({ version: "1" }))], web, true],
  ["several tags, all of which are needed", [from("Allow", SUBSET({ version: "1", team: "x" }))], web, false],
  [
    "a part of a service",
    [from("Allow", { kind: "MeshServiceSubset", name: "web", tags: { version: "1" } })],
    web,
    true,
  ],
  [
    "a deny of the mesh before an allow of a service",
    [from("Deny", undefined, "z"), from("Allow", SUBSET({ version: "1" }), "a")],
    web,
    true,
  ],
  [
    "an allow of the mesh before a deny of a service",
    [from("Allow", undefined, "z"), from("Deny", SUBSET({ version: "1" }), "a")],
    web,
    false,
  ],
  [
    "a deny of another service",
    [from("Allow", undefined, "z"), from("Deny", SUBSET({ version: "2" }), "a")],
    web,
    true,
  ],
];

for (const [about, policies, caller, allowed] of byTags) {
  test(`by tags: ${about} → ${allowed ? "allowed" : "denied"}`, () => {
    const plan = planOf("tags", ...policies);
    assert.ok(plan !== undefined);
    assert.equal(verdict(plan, caller).allowed, allowed);
    assert.equal(evaluateRbac(rbac(plan), caller).allowed, allowed);
  });
}

test("by tags: one policy named after the kind, as dashboards know it", () => {
  const plan = planOf("tags", from("Allow", SUBSET({ "kuma.io/service": "web", version: "1" })));
  assert.deepEqual(Reflect.get(rbac(plan) as object, "rules"), {
    policies: {
      MeshTrafficPermission: {
        permissions: [{ any: true }],
        principals: [
          {
            andIds: {
              ids: ["spiffe://default/web", "kuma://version/1"].map((exact) => ({
                authenticated: { principalName: { exact } },
              })),
            },
          },
        ],
      },
    },
  });
});

test("by tags: the first policy with rules ends what from says", () => {
  const plan = planOf(
    "tags",
    from("Allow", undefined, "b"),
    rules({ allow: [id("spiffe://default/api")] }, "a"),
  );
  assert.ok(plan !== undefined);
  assert.equal(verdict(plan, web).allowed, false);
  assert.equal(evaluateRbac(rbac(plan), web).allowed, false);
});

test("either: tags or SPIFFE id let in", () => {
  const plan = planOf(
    "either",
    from("Allow", SUBSET({ version: "1" }), "b"),
    rules({ allow: [id("spiffe://td/a")] }, "a"),
  );
  assert.ok(plan !== undefined);
  for (const [caller, allowed] of [
    [web, true],
    [A, true],
    [bySpiffe("spiffe://td/b"), false],
    [{ uris: ["spiffe://default/api", "kuma://version/2"], sni: undefined }, false],
  ] as const) {
    assert.equal(verdict(plan, caller).allowed, allowed);
    assert.equal(evaluateRbac(rbac(plan), caller).allowed, allowed);
  }
});
