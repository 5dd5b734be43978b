import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldOrigins, routeRules, rulesOf, wholeRules } from "./plan-entry.ts";

const [a, b] = [
  { policy: "kri_mt_default___a_", rule: "to[0]" },
  { policy: "kri_mt_default___b_", rule: "rules[1]" },
];
const caller = { spiffeID: { type: "Exact", value: "spiffe://td/web" } };
const route = "kri_mhttpr_default___r_";
const common = { conf: { idleTimeout: "1s" }, origins: { idleTimeout: a } };
const special = {
  conf: { idleTimeout: "2s", http: { requestTimeout: "3s" } },
  origins: { idleTimeout: b, http: a },
};

test("callers that are treated apart are rules of their own, beside the one for all", () => {
  const byCaller = { ...common, callers: [{ match: caller, ...special }] };
  assert.deepEqual(rulesOf(byCaller), [
    { conf: common.conf, origins: [a] },
    { matches: [caller], conf: special.conf, origins: [b, a] },
  ]);
  const onlySome = { conf: {}, origins: {}, callers: [{ match: caller, ...special }] };
  assert.deepEqual(
    rulesOf(onlySome).map(({ matches }) => matches),
    [[caller]],
  );
  assert.deepEqual(fieldOrigins(byCaller), [
    { path: "idleTimeout", value: "1s", kri: a.policy, rule: "to[0]" },
    { path: "idleTimeout", value: "2s", kri: b.policy, rule: "rules[1]", caller },
    { path: "http.requestTimeout", value: "3s", kri: a.policy, rule: "to[0]", caller },
  ]);
});

test("a route has its own rule, or that of its destination", () => {
  const byRoute = { ...common, routes: { [route]: special } };
  assert.deepEqual(wholeRules(byRoute), [{ conf: common.conf, origins: [a] }]);
  assert.deepEqual(routeRules(byRoute, route), [{ route, conf: special.conf, origins: [b, a] }]);
  assert.deepEqual(routeRules(byRoute, "kri_mhttpr_default___other_"), wholeRules(byRoute));
  assert.deepEqual(
    fieldOrigins(byRoute).map(({ value }) => value),
    ["1s"],
  );
  assert.deepEqual(
    fieldOrigins(byRoute, route).map(({ value }) => value),
    ["2s", "3s"],
  );
});

test("permissions by tags and by identity at once are all shown", () => {
  const entry = {
    model: "either",
    tags: {
      model: "tags",
      mesh: "default",
      entries: [{ target: { kind: "Mesh" }, action: "Deny", origin: a }],
    },
    identity: { model: "identity", deny: [], allow: [{ matches: [caller], origin: b }] },
  };
  assert.deepEqual(rulesOf(entry), [
    { conf: { target: { kind: "Mesh" }, action: "Deny" }, origins: [a] },
    { conf: { allow: [caller] }, origins: [b] },
  ]);
  assert.deepEqual(
    fieldOrigins(entry).map(({ path, kri }) => [path, kri]),
    [
      ["tags.entries", a.policy],
      ["identity.allow", b.policy],
    ],
  );
});
