import assert from "node:assert/strict";
import { test } from "node:test";
import { liveWorld, put, shop } from "../preview/testing/live-world.ts";

const base = "/meshes/default/dataplanes/web-0";
const outbound = `${base}/_outbounds/kri_msvc_default_zone-1__api_http`;
const KRI = "kri_mhttpr_default_zone-1__r_";

const prefix = (value: string) => ({ path: { type: "PathPrefix", value } });
const rewrite = { type: "URLRewrite", urlRewrite: { hostname: "in.test" } };
const ref = (name: string, weight = 1) => ({ kind: "MeshService", name, port: 80, weight });
const to = { targetRef: { kind: "MeshService", name: "api" } };
const policy = (type: string, name: string, spec: object) => ({ type, mesh: "default", name, spec });
const route = (weight: number) =>
  policy("MeshHTTPRoute", "r", {
    to: [
      {
        ...to,
        rules: [
          { matches: [prefix("/a"), { method: "POST" }], default: { filters: [rewrite] } },
          { matches: [prefix("/a/b")], default: { backendRefs: [ref("api", weight), ref("nowhere")] } },
        ],
      },
    ],
  });
const timeout = policy("MeshTimeout", "t", {
  to: [
    { targetRef: { kind: "Mesh" }, default: { http: { requestTimeout: "9s" } } },
    { targetRef: { kind: "MeshHTTPRoute", name: "r" }, default: { http: { requestTimeout: "1s" } } },
  ],
});

async function routed() {
  const live = liveWorld();
  await put(live.api, ...shop(1), route(1), timeout);
  return live;
}

test("the routes of an outbound, in the order in which they are tried", async () => {
  const { api } = await routed();
  const { json } = await api.call("GET", `${outbound}/_routes`);
  assert.deepEqual(json.routes, [
    {
      kind: "MeshHTTPRoute",
      rules: [
        {
          kri: `${KRI}rule_1`,
          matches: [prefix("/a/b")],
          conf: { backendRefs: [ref("api"), ref("nowhere")] },
        },
        { kri: `${KRI}rule_0`, matches: [prefix("/a")], conf: { filters: [rewrite] } },
        { kri: `${KRI}rule_0`, matches: [{ method: "POST" }], conf: { filters: [rewrite] } },
      ],
      origins: [{ kri: KRI }],
    },
  ]);
});

test("a route has its own timeouts, by the KRI that the list of routes shows", async () => {
  const { api } = await routed();
  const { json } = await api.call("GET", `${outbound}/_routes/${KRI}rule_1/_policies`);
  const fields = json.policies.find(({ kind }: { kind: string }) => kind === "MeshTimeout")?.fields;
  assert.deepEqual(fields, [
    { path: "http.requestTimeout", value: "1s", kri: "kri_mt_default_zone-1__t_", rule: "to[1]" },
  ]);
});

test("a policy of connections is a route too", async () => {
  const { api } = liveWorld();
  const split = policy("MeshTCPRoute", "s", {
    to: [{ ...to, rules: [{ default: { backendRefs: [ref("api", 3)] } }] }],
  });
  await put(api, ...shop(1), split);
  const { json } = await api.call("GET", `${outbound}/_routes`);
  assert.deepEqual(json.routes, [
    {
      kind: "MeshTCPRoute",
      rules: [
        { kri: "kri_mtcpr_default_zone-1__s_rule_0", matches: [], conf: { backendRefs: [ref("api", 3)] } },
      ],
      origins: [{ kri: "kri_mtcpr_default_zone-1__s_" }],
    },
  ]);
});

test("fields of routes have the rule that set them", async () => {
  const { api } = await routed();
  const { json } = await api.call("GET", `${outbound}/_policies`);
  const [own] = json.policies;
  assert.equal(own.kind, "MeshHTTPRoute");
  assert.deepEqual(
    own.fields.map(({ path, rule }: { path: string; rule: string }) => [path, rule]),
    [
      ["rules[PathPrefix /a/b].backendRefs", "to[0].rules[1]"],
      ["rules[PathPrefix /a].filters", "to[0].rules[0]"],
      ["rules[method POST].filters", "to[0].rules[0]"],
    ],
  );
});

test("_rules shows routes as a document has them", async () => {
  const { api } = await routed();
  const { json } = await api.call("GET", `${base}/_rules`);
  const own = json.rules.find(({ type }: { type: string }) => type === "MeshHTTPRoute");
  assert.equal(own.toResourceRules.length, 1);
  const [{ conf, origin }] = own.toResourceRules;
  assert.deepEqual(conf[0].rules[1], { matches: [prefix("/a")], default: { filters: [rewrite] } });
  assert.deepEqual([conf.length, origin[0].resourceMeta.name], [1, "r"]);
});

test("blame of a route resource names the rules with their fields", async () => {
  const { api } = await routed();
  const { json } = await api.call("GET", `${base}/_blame?type=route`);
  const policies = json.items.flatMap(({ policies: list }: { policies: unknown[] }) => list);
  const own = policies.find(({ kind }: { kind: string }) => kind === "MeshHTTPRoute");
  assert.deepEqual(
    own.rules.map(({ rule, fields }: { rule: string; fields: unknown[] }) => [rule, fields.length]),
    [
      ["to[0].rules[1]", 1],
      ["to[0].rules[0]", 2],
    ],
  );
});

test("a preview says which field of which rule changes", async () => {
  const { api } = await routed();
  const change = { op: "put", type: "MeshHTTPRoute", mesh: "default", name: "r", resource: route(0) };
  const { json } = await api.call("POST", "/_preview", { changes: [change] });
  const refs = (weight: number) => [ref("api", weight), ref("nowhere")];
  assert.deepEqual(
    json.diff.items.map(({ field, before, after }: Record<string, unknown>) => ({ field, before, after })),
    [{ field: "rules[PathPrefix /a/b].backendRefs", before: refs(1), after: refs(0) }],
  );
});

test("_plan says a thing once: what ways have in common is not repeated", async () => {
  const { api } = await routed();
  const { text, json } = await api.call("GET", `${base}/_plan`);
  assert.ok(json.outbounds[0].upstream.policies.MeshTimeout);
  assert.doesNotMatch(text, /"core"|"said"/);
});
