import assert from "node:assert/strict";
import { test } from "node:test";
import { FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { RBACSchema as HttpRbacSchema } from "@skein/envoy-api/envoy/extensions/filters/http/rbac/v3/rbac_pb";
import fc from "fast-check";
import type { InboundInput } from "../definition.ts";
import type { CallerMatch, PolicyResource, TargetRef } from "../engine/policy-resource.ts";
import type { Protocol } from "../plan/proxy-plan.ts";
import { inboundDraft, json } from "../testing/drafts.ts";
import { evaluateRbac } from "../testing/rbac.ts";
import { policy, valid } from "../testing/resources.ts";
import type { PermissionAction, PermissionPlan } from "./plan.ts";
import { meshTrafficPermission } from "./policy.ts";
import { type Caller, verdict } from "./verdict.ts";

type Callers = InboundInput["callers"];

const mtp = (spec: unknown, name = "p") => valid(meshTrafficPermission.kind, spec, { name });
const planOf = (callers: Callers, ...policies: readonly PolicyResource[]) =>
  meshTrafficPermission.planInbound?.({ policies, mesh: "default", protocol: "http", callers });

/** The RBAC configuration of a plan as JSON: of the HTTP filter, else of the network filter. */
function rbac(plan: PermissionPlan | undefined, protocol: Protocol = "http"): unknown {
  const draft = inboundDraft(protocol);
  meshTrafficPermission.translateInbound?.(plan, draft);
  const { http, network } = draft.authorization ?? {};
  if (http !== undefined) return json(HttpRbacSchema, http);
  return network === undefined ? undefined : json(FilterSchema, network);
}

const id = (value: string, type = "Exact") => ({ spiffeID: { type, value } });
const rules = (conf: unknown, name?: string, targetRef: unknown = { kind: "Mesh" }) =>
  mtp({ targetRef, rules: [{ default: conf }] }, name);
const from = (action: PermissionAction, targetRef: unknown = { kind: "Mesh" }, name?: string) =>
  mtp({ from: [{ targetRef, default: { action } }] }, name);

const bySpiffe = (uri: string, sni?: string): Caller => ({ uris: [uri], sni });
const A = bySpiffe("spiffe://td/a");

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

const web: Caller = {
  uris: ["spiffe://default/web", "kuma://kuma.io/service/web", "kuma://version/1"],
  sni: undefined,
};
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

function agree(plan: PermissionPlan | undefined, caller: Caller, shadow: boolean): void {
  assert.ok(plan !== undefined);
  const said = verdict(plan, caller);
  const done = evaluateRbac(rbac(plan), caller);
  assert.equal(done.allowed, said.allowed);
  if (shadow && said.allowed) assert.equal(done.shadowAllowed === false, said.shadowDenied);
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

test("verdict and filter agree: rules, for certificates of the mesh's own CA, which carry several URIs", {
  todo: "the input uri_san is all URIs joined by commas, so an exact id never matches such a certificate",
}, () => {
  agree(planOf("tags", rules({ allow: [id("spiffe://default/web")] })), web, false);
});

test("verdict and filter agree: by either, with server names", {
  todo: "principals of the transition leave the server name out: such an allow lets in too much, such a deny too little",
}, () => {
  fc.assert(
    fc.property(tagPolicies, identityPolicies(anyMatch), identityCaller, (tagged, identified, caller) => {
      agree(planOf("either", ...tagged, ...identified), caller, false);
    }),
  );
});

test("by either, a deny of rules stands as it does before and after the transition", {
  todo: "tags alone let in whom rules deny",
}, () => {
  const policies = [
    from("Allow", undefined, "b"),
    rules({ deny: [id("spiffe://td/a")], allow: [id("spiffe://td/b")] }, "a"),
  ];
  for (const callers of ["tags", "either", "identity"] as const) {
    assert.equal(verdict(planOf(callers, ...policies) ?? assert.fail(), A).allowed, false, callers);
  }
});
