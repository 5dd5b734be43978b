import assert from "node:assert/strict";
import { test } from "node:test";
import { AIRLINE, allow, IDENTITY, policy } from "../explain/testing/airline.ts";
import { codesIn, findingsIn } from "./testing/findings.ts";

const prefix = (value: string) => ({ path: { type: "PathPrefix", value } });
const regex = (value: string) => ({ path: { type: "RegularExpression", value } });
const ref = (name: string, port = 8080) => ({ kind: "MeshService", name, port });
const rule = (matches: readonly object[], backendRefs: readonly object[] = [ref("check-in")]) => ({
  matches,
  default: { backendRefs },
});
const route = (name: string, rules: readonly object[], to = "check-in") =>
  policy("MeshHTTPRoute", name, { to: [{ targetRef: { kind: "MeshService", name: to }, rules }] });
const found = (yaml: string) =>
  findingsIn(AIRLINE + yaml).map(({ code, resource, path }) => `${code} ${resource.name} ${path}`);

test("routes in order are clean", () => {
  assert.deepEqual(found(route("r", [rule([prefix("/a")]), rule([prefix("/a"), { method: "GET" }])])), []);
  assert.deepEqual(found(route("r", [rule([prefix("/")], [ref("portal")])])), []);
});

test("references that lead nowhere, by service, port and protocol, of backends and mirrors", () => {
  const mirror = { type: "RequestMirror", requestMirror: { backendRef: ref("gone") } };
  const rules = [
    rule([prefix("/a")], [ref("gone"), ref("check-in", 1), ref("radar", 9000)]),
    { matches: [prefix("/b")], default: { filters: [mirror] } },
  ];
  assert.deepEqual(found(route("r", rules)), [
    "SK0204 r spec.to[0].rules[0].default.backendRefs[0]",
    "SK0204 r spec.to[0].rules[0].default.backendRefs[1]",
    "SK0204 r spec.to[0].rules[0].default.backendRefs[2]",
    "SK0204 r spec.to[0].rules[1].default.filters[0].requestMirror.backendRef",
  ]);
  const bytes = policy("MeshTCPRoute", "s", {
    to: [
      {
        targetRef: { kind: "MeshService", name: "radar" },
        rules: [{ default: { backendRefs: [ref("gone")] } }],
      },
    ],
  });
  assert.deepEqual(found(bytes), ["SK0204 s spec.to[0].rules[0].default.backendRefs[0]"]);
});

test("a MeshTCPRoute where MeshHTTPRoutes lead the requests, unless it decides elsewhere", () => {
  const spread = (to: object) =>
    policy("MeshTCPRoute", "s", {
      to: [
        {
          targetRef: { kind: "MeshService", ...to },
          rules: [{ default: { backendRefs: [ref("check-in")] } }],
        },
      ],
    });
  const http = route("r", [rule([prefix("/a")])]);
  assert.deepEqual(found(spread({ name: "check-in" })), []);
  assert.deepEqual(found(http + spread({ name: "check-in" })), ["SK0208 s spec.to[0]"]);
  assert.match(
    findingsIn(AIRLINE + http + spread({ name: "check-in" }))[0]?.message ?? "",
    /^requests to check-in:8080 go where MeshHTTPRoutes, such as kri_mhttpr_default_east__r_, lead them/,
  );
  assert.deepEqual(
    found(http + spread({ labels: { "kuma.io/env": "universal" } })),
    [],
    "it shares out the connections of radar",
  );
});

test("a rule behind one that takes everything is not reached, unless it is at another destination", () => {
  const total = rule([prefix("/")]);
  const late = route("r", [rule([regex("/a/.*")]), total]);
  assert.deepEqual(found(late), ["SK0104 r spec.to[0].rules[0]"]);
  assert.match(
    findingsIn(AIRLINE + late)[0]?.message ?? "",
    /PathPrefix \/ of kri_mhttpr_default_east__r_ to\[0\].rules\[1\]/,
  );
  assert.deepEqual(
    found(route("r", [rule([regex("/a/.*")]), rule([{ ...prefix("/"), method: "GET" }])])),
    [],
  );
  assert.deepEqual(found(route("r", [rule([regex("/a/.*"), prefix("/b")]), total])), []);
});

test("a rule with the same matches as one of higher precedence, of which nothing is left", () => {
  const same = (name: string, conf: object) => route(name, [{ matches: [prefix("/a")], default: conf }]);
  const backends = { backendRefs: [ref("check-in")] };
  const filters = { filters: [{ type: "URLRewrite", urlRewrite: { hostname: "h" } }] };
  assert.deepEqual(found(same("a", backends) + same("b", backends)), ["SK0104 b spec.to[0].rules[0]"]);
  assert.deepEqual(found(same("a", backends) + same("b", filters)), []);
});

test("rules about requests of a service of bytes, and about routes that are not there", () => {
  assert.deepEqual(found(route("r", [rule([prefix("/")])], "radar")), ["SK0301 r spec.to[0].rules"]);
  const timeout = policy("MeshTimeout", "t", {
    to: [{ targetRef: { kind: "MeshHTTPRoute", name: "gone" }, default: { http: { requestTimeout: "1s" } } }],
  });
  assert.deepEqual(found(timeout), ["SK0205 t spec.to[0].targetRef"]);
});

test("an allow of which every caller is denied is hidden, and a broader one is not", () => {
  const match = (value: string, type = "Prefix") => ({
    spiffeID: { type, value: `spiffe://air.test${value}` },
  });
  const deny = (value: string) =>
    policy("MeshTrafficPermission", "no", { rules: [{ default: { deny: [match(value)] } }] });
  const hidden = findingsIn(AIRLINE + IDENTITY + allow("portal") + deny("/portal"));
  assert.deepEqual(
    hidden.map(({ code, resource, path }) => [code, resource.name, path]),
    [["SK0102", "allow", "spec.rules[0]"]],
  );
  assert.match(hidden[0]?.message ?? "", /kri_mtp_default_east__no_ rules\[0\] denies the same callers/);
  assert.deepEqual(codesIn(AIRLINE + IDENTITY + allow("portal") + deny("/portal/x")), []);
});
