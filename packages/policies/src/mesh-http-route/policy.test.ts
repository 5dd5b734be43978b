import assert from "node:assert/strict";
import { test } from "node:test";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import fc from "fast-check";
import type { BackendPlan } from "../plan/outbound-plan.ts";
import { json, outboundDraft } from "../testing/drafts.ts";
import { destination, type PolicyOptions, valid } from "../testing/resources.ts";
import { meshHttpRoute } from "./policy.ts";

const service = { kind: "MeshService", name: "backend" };
const ref = (name: string, weight = 1) => ({ kind: "MeshService", name, port: 80, weight });
const prefix = (value: string) => ({ path: { type: "PathPrefix", value } });

function route(
  name: string,
  rules: readonly object[],
  { targetRef, labels }: { targetRef?: object } & PolicyOptions = {},
) {
  const spec = { ...(targetRef === undefined ? {} : { targetRef }), to: [{ targetRef: service, rules }] };
  return valid(meshHttpRoute.kind, spec, { name, ...(labels === undefined ? {} : { labels }) });
}

const planned = (...policies: ReturnType<typeof route>[]) =>
  meshHttpRoute.planOutbound?.({ policies, destination: destination(), routes: [] });
const order = (...policies: ReturnType<typeof route>[]) =>
  planned(...policies)?.routes.map(
    ({ match, policy }) => `${match.path?.value ?? "any"} ${policy.split("_").at(-2)}`,
  );

/** Routes as Envoy has them; `backends` by the name in a reference's key is resolved unless it is `nowhere`. */
function routesOf(...policies: ReturnType<typeof route>[]) {
  const plan = planned(...policies);
  assert.ok(plan);
  const backends = Object.fromEntries(
    plan.references.map(({ key, ref: { name = "" } }): [string, BackendPlan] => [
      key,
      name === "nowhere"
        ? { kind: "unresolved", problem: "gone" }
        : { kind: "resolved", target: `${name}|80`, clusterName: name, destination: destination({ name }) },
    ]),
  );
  const draft = { ...outboundDraft(), backends };
  meshHttpRoute.translateOutbound?.(plan, draft);
  return draft.routes.map((each) => json(RouteSchema, each.route) as Record<string, unknown>);
}

const filter = (value: object, matches: readonly object[] = [prefix("/v1")]) => {
  const [first] = routesOf(route("r", [{ matches, default: { filters: [value] } }]));
  return first;
};
const rewritten = (to: string, from = "/v1") =>
  (
    filter(
      { type: "URLRewrite", urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: to } } },
      [prefix(from)],
    ) as {
      route: { prefixRewrite?: string; regexRewrite?: { pattern: { regex: string }; substitution: string } };
    }
  ).route;

/** What Envoy makes of a path that the route matches. */
function rewrite(path: string, to: string, from = "/v1"): string {
  const { prefixRewrite, regexRewrite } = rewritten(to, from);
  if (prefixRewrite !== undefined) return prefixRewrite + path.slice(from.length);
  return path.replace(new RegExp(regexRewrite?.pattern.regex ?? "", "g"), regexRewrite?.substitution ?? "");
}

test("matches are tried from the most to the least specific, whatever the order of the rules", () => {
  const matches = [
    {},
    { path: { type: "RegularExpression", value: "/r.*" } },
    prefix("/a"),
    prefix("/a/b"),
    { path: { type: "Exact", value: "/" } },
  ];
  const rules = matches.map((match) => ({ matches: [match], default: {} }));
  const expected = ["/ r", "/a/b r", "/a r", "/r.* r", "any r"];
  assert.deepEqual(order(route("r", rules)), expected);
  assert.deepEqual(order(route("r", rules.toReversed())), expected);
});

test("a method, then headers, then query parameters decide between equal paths", () => {
  const header = { name: "h", value: "1" };
  const query = { name: "q", type: "Exact", value: "1" };
  const matches = [
    { ...prefix("/a"), queryParams: [query] },
    { ...prefix("/a"), headers: [header] },
    { ...prefix("/a"), method: "GET" },
  ];
  const plan = planned(
    route(
      "r",
      matches.map((match) => ({ matches: [match], default: {} })),
    ),
  );
  assert.deepEqual(
    plan?.routes.map(({ match }) => Object.keys(match).find((key) => key !== "path")),
    ["method", "headers", "queryParams"],
  );
});

test("equal matches are one rule: each field comes from the policy with the higher precedence", () => {
  const filters = [{ type: "RequestHeaderModifier", requestHeaderModifier: { remove: ["x"] } }];
  const broad = route("broad", [{ matches: [prefix("/a")], default: { filters, backendRefs: [ref("v1")] } }]);
  const narrow = route("narrow", [{ matches: [prefix("/a")], default: { backendRefs: [ref("v2")] } }], {
    targetRef: { kind: "Dataplane", labels: { app: "web" } },
  });
  const [first, ...others] = planned(broad, narrow)?.routes ?? [];
  assert.deepEqual(others, []);
  assert.equal(first?.policy, "kri_mhttpr_default___narrow_");
  assert.deepEqual(first?.filters, filters);
  assert.deepEqual(first?.origins, {
    filters: { policy: "kri_mhttpr_default___broad_", rule: "to[0].rules[0]" },
    backendRefs: { policy: "kri_mhttpr_default___narrow_", rule: "to[0].rules[0]" },
  });
  assert.deepEqual(
    first?.backends?.map(({ key }) => key),
    ["kri_mhttpr_default___narrow_ to[0].rules[0].default.backendRefs[0]"],
  );
});

test("between equal paths of different policies the one with the higher precedence is tried first", () => {
  const rules = (header: string) => [
    { matches: [{ ...prefix("/a"), headers: [{ name: header, value: "1" }] }], default: {} },
  ];
  assert.deepEqual(order(route("b", rules("x")), route("a", rules("y"))), ["/a a", "/a b"]);
});

test("what no rule takes goes to the destination, unless a rule takes everything", () => {
  const rule = (match: object) => [{ matches: [match], default: {} }];
  assert.equal(routesOf(route("r", rule(prefix("/a")))).length, 2);
  assert.equal(routesOf(route("r", rule(prefix("/")))).length, 1);
  assert.equal(routesOf(route("r", rule({ ...prefix("/"), method: "GET" }))).length, 2);
});

test("shares without a weight or a destination go to the others", () => {
  const [first] = routesOf(
    route("r", [
      {
        matches: [prefix("/a")],
        default: { backendRefs: [ref("v1", 90), ref("nowhere", 5), ref("v2", 10), ref("off", 0)] },
      },
    ]),
  );
  assert.deepEqual(first?.route, {
    weightedClusters: {
      clusters: [
        { name: "v1", weight: 90 },
        { name: "v2", weight: 10 },
      ],
    },
  });
});

test("with nobody left a rule answers 503 instead of handing its requests to another rule", () => {
  for (const backendRefs of [[ref("nowhere")], [ref("v1", 0)]]) {
    const [first] = routesOf(route("r", [{ matches: [prefix("/a")], default: { backendRefs } }]));
    assert.equal((first?.directResponse as { status?: number } | undefined)?.status, 503);
  }
});

const paths: readonly [path: string, to: string, expected: string, from?: string][] = [
  ["/v1/x", "/v2", "/v2/x"],
  ["/v1", "/v2", "/v2"],
  ["/v1/x", "/v2/", "/v2/x"],
  ["/v1/x", "/", "/x"],
  ["/v1/x/v1/y", "/", "/x/v1/y"],
  ["/v1", "/", "/"],
  ["/v1", "", "/"],
  ["/x", "/new", "/new/x", "/"],
  ["/", "/new", "/new/", "/"],
  ["/x", "/", "/x", "/"],
  ["/a.b/x", "/", "/x", "/a.b"],
];

for (const [path, to, expected, from] of paths) {
  test(`${from ?? "/v1"} replaced by "${to}" makes ${path} ${expected}`, () => {
    assert.equal(rewrite(path, to, from), expected);
  });
}

test("a path as a whole is replaced literally", () => {
  const path = { type: "ReplaceFullPath", replaceFullPath: "/a\\1" };
  assert.deepEqual(filter({ type: "URLRewrite", urlRewrite: { path } })?.route, {
    cluster: "c",
    regexRewrite: { pattern: { regex: "^.*$" }, substitution: "/a\\\\1" },
  });
});

test("a percent sign stands for itself, a variable of Envoy for its value", () => {
  const set = [
    { name: "a", value: "100%" },
    { name: "b", value: "%START_TIME(%Y)%" },
    { name: "c", value: "%REQ(x-id):5% of %" },
  ];
  const added = filter({ type: "RequestHeaderModifier", requestHeaderModifier: { set } })
    ?.requestHeadersToAdd as {
    header: { value: string };
  }[];
  assert.deepEqual(
    added.map(({ header }) => header.value),
    ["100%%", "%START_TIME(%Y)%", "%REQ(x-id):5% of %%"],
  );
});

test("a redirect answers in place of the destination", () => {
  const requestRedirect = { scheme: "https", hostname: "a.example", port: 8443, statusCode: 308 };
  assert.deepEqual(filter({ type: "RequestRedirect", requestRedirect })?.redirect, {
    schemeRedirect: "https",
    hostRedirect: "a.example",
    portRedirect: 8443,
    responseCode: "PERMANENT_REDIRECT",
  });
});

test("bytes have no routes", () => {
  const policies = [route("r", [{ matches: [prefix("/a")], default: {} }])];
  const input = { policies, destination: destination({ protocol: "tcp" }), routes: [] };
  assert.equal(meshHttpRoute.planOutbound?.(input), undefined);
});

test("order of arrival never matters", () => {
  const rule = fc.record({
    matches: fc.array(
      fc.constantFrom({}, prefix("/a"), prefix("/b"), {
        path: { type: "Exact", value: "/a" },
        method: "GET",
      }),
      { minLength: 1, maxLength: 2 },
    ),
    default: fc.record({ backendRefs: fc.constantFrom(undefined, [ref("v1")], [ref("v2")]) }),
  });
  const policies = fc.uniqueArray(
    fc.record({
      name: fc.constantFrom("a", "b", "c"),
      rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
      targetRef: fc.constantFrom(
        { kind: "Mesh" },
        { kind: "Dataplane" },
        { kind: "Dataplane", name: "web-1" },
      ),
    }),
    { selector: ({ name }) => name, minLength: 2 },
  );
  fc.assert(
    fc.property(policies, fc.infiniteStream(fc.nat()), (list, random) => {
      const made = list.map(({ name, rules, targetRef }) => route(name, rules, { targetRef }));
      const shuffled = made
        .map((each) => ({ each, key: random.next().value as number }))
        .sort((a, b) => a.key - b.key)
        .map(({ each }) => each);
      assert.deepEqual(planned(...shuffled), planned(...made));
    }),
  );
});
