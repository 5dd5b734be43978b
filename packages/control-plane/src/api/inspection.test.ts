import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resource, ResourceKey } from "@skein/model";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import type { ChangeStatus, EnvoyAdmin, Plans, ProxyStatus } from "./ports.ts";
import { webPlan } from "./testing/plan.ts";
import { createWorld, dataplane, meshTimeout, seed } from "./testing/world.ts";

const web: ResourceKey = { type: "Dataplane", mesh: "default", name: "web-1" };

const none = new Map<string, Fragment>();
const NOTHING_HELD: ProxyConfig = {
  clusters: none,
  endpoints: none,
  listeners: none,
  routes: none,
  secrets: none,
  missing: [],
};

async function worldWithPlan(extra: { plans?: Partial<Plans>; envoyAdmin?: EnvoyAdmin; mode?: string } = {}) {
  const plans: Plans = {
    plan: ({ name }) => (name === "web-1" ? webPlan : undefined),
    access: () => [],
    config: ({ name }) => (name === "web-1" ? NOTHING_HELD : undefined),
    analyze: async () => [],
    explain: () => ({
      ok: false,
      error: { kind: "unknown", field: "source", message: "there is nobody", suggestions: [] },
    }),
    xds: async (_, { includeEds }) => ({ clusters: [], ...(includeEds ? { endpoints: [] } : {}) }),
    selectedBy: () => [web],
    warnings: () => [],
    deleteWarnings: () => [],
    ...extra.plans,
  };
  const world = createWorld({
    deps: { plans, ...(extra.envoyAdmin ? { envoyAdmin: extra.envoyAdmin } : {}) },
  });
  const meshServices = { mode: extra.mode ?? "Exclusive" };
  await seed(world.store, { type: "Mesh", name: "default", spec: { meshServices } });
  for (const name of ["web-1", "planless"]) {
    await world.call("PUT", `/meshes/default/dataplanes/${name}`, dataplane(name));
  }
  await world.call("PUT", "/meshes/default/meshtimeouts/t", meshTimeout("t"));
  return world;
}

const base = "/meshes/default/dataplanes/web-1";

test("the plan and the access matrix are passed on", async () => {
  const entry = {
    source: "web",
    sourceId: "spiffe://w",
    destination: "api",
    port: 8080,
    verdict: "deny" as const,
    policy: null,
    reason: "no rule allows it",
  };
  const world = await worldWithPlan({ plans: { access: (mesh) => (mesh === "default" ? [entry] : []) } });
  assert.deepEqual((await world.call("GET", `${base}/_plan`)).json, JSON.parse(JSON.stringify(webPlan)));
  assert.equal((await world.call("GET", "/meshes/default/dataplanes/planless/_plan")).status, 404);
  assert.equal((await world.call("GET", "/meshes/default/dataplanes/none/_plan")).status, 404);
  assert.deepEqual((await world.call("GET", "/meshes/default/_access")).json, { items: [entry] });
  assert.equal((await world.call("GET", "/meshes/none/_access")).json.title, "Failed to retrieve Mesh");
});

test("_rules tells what each policy says of inbounds and destinations, and from where", async () => {
  const world = await worldWithPlan();
  const { json } = await world.call("GET", `${base}/_rules`);
  assert.equal(json.resource.name, "web-1");
  assert.equal(json.resource.kri, "kri_dp_default_zone-1__web-1_");
  assert.deepEqual(json.httpMatches, []);
  const [timeout, permission] = json.rules;
  assert.equal(timeout.type, "MeshTimeout");
  const meta = {
    labels: world.store.get({ type: "MeshTimeout", mesh: "default", name: "t" })?.labels,
    mesh: "default",
    name: "t",
    type: "MeshTimeout",
    kri: "kri_mt_default_zone-1__t_",
  };
  assert.deepEqual(timeout.toResourceRules, [
    {
      resourceMeta: {
        type: "MeshService",
        mesh: "default",
        name: "api",
        labels: { team: "a" },
        kri: "kri_msvc_default_zone-1__api_",
      },
      resourceSectionName: "http",
      conf: [{ idleTimeout: "20s" }],
      origin: [{ resourceMeta: meta, ruleIndex: 1 }],
    },
  ]);
  assert.deepEqual(timeout.inboundRules[0].inbound, {
    name: "main",
    port: 8080,
    tags: { "kuma.io/service": "web" },
  });
  assert.equal(permission.type, "MeshTrafficPermission");
  assert.deepEqual(permission.inboundRules[0].rules[0].conf, [
    { allow: [{ spiffeID: { type: "Exact", value: "spiffe://default.mesh.local/api" } }] },
  ]);
  assert.equal(permission.inboundRules[0].rules[0].origin[0].resourceMeta.kri, "kri_mtp_default_zone-1__p_");
  const old = (await world.call("GET", `${base}/policies`)).json;
  assert.equal(old.kind, "SidecarDataplane");
  assert.deepEqual(old.items[1].matchedPolicies.MeshTimeout[0].name, "t");
});

test("layout and policies by section of the proxy, in Exclusive meshes only", async () => {
  const world = await worldWithPlan();
  assert.deepEqual((await world.call("GET", `${base}/_layout`)).json, {
    inbounds: [
      {
        kri: "kri_dp_default_zone-1__web-1_main",
        port: 8080,
        protocol: "http",
        proxyResourceName: "self_inbound_dp_main",
      },
    ],
    kri: "kri_dp_default_zone-1__web-1_",
    labels: { app: "web" },
    listeners: [],
    outbounds: [
      {
        kri: "kri_msvc_default_zone-1__api_http",
        port: 8081,
        protocol: "http",
        proxyResourceName: "kri_msvc_default_zone-1__api_http",
      },
    ],
    spiffeId: "spiffe://default.mesh.local/web",
  });
  assert.deepEqual((await world.call("GET", `${base}/_policies`)).json, { policies: [] });
  const inbound = await world.call("GET", `${base}/_inbounds/kri_dp_default_zone-1__web-1_main/_policies`);
  assert.deepEqual(inbound.json.policies[0], {
    kind: "MeshTimeout",
    rules: [{ conf: { idleTimeout: "20s" }, kri: "kri_mt_default_zone-1__t_" }],
    origins: [{ kri: "kri_mt_default_zone-1__t_" }],
    fields: [{ path: "idleTimeout", value: "20s", kri: "kri_mt_default_zone-1__t_", rule: "to[1]" }],
  });
  const outbounds = `${base}/_outbounds/kri_msvc_default_zone-1__api_http`;
  assert.deepEqual((await world.call("GET", `${outbounds}/_policies`)).json, {
    policies: [
      {
        conf: [{ idleTimeout: "20s" }],
        kind: "MeshTimeout",
        origins: [{ kri: "kri_mt_default_zone-1__t_" }],
        fields: [{ path: "idleTimeout", value: "20s", kri: "kri_mt_default_zone-1__t_", rule: "to[1]" }],
      },
    ],
  });
  assert.deepEqual((await world.call("GET", `${outbounds}/_routes`)).json, { routes: [] });
  for (const [path, status] of [
    ["_inbounds/kri_dp_default_zone-1__web-1_other/_policies", 404],
    ["_inbounds/bad/_policies", 400],
    ["_outbounds/bad/_policies", 400],
    ["_outbounds/kri_msvc_default_zone-1__none_http/_policies", 404],
  ] as const) {
    assert.equal((await world.call("GET", `${base}/${path}`)).status, status, path);
  }
  const everywhere = await worldWithPlan({ mode: "Everywhere" });
  for (const path of ["_layout", "_policies", "_inbounds/kri_dp_default_zone-1__web-1_main/_policies"]) {
    const refused = await everywhere.call("GET", `${base}/${path}`);
    assert.equal(refused.status, 400);
    assert.match(
      refused.json.detail,
      /^bad request: can't use _(layout|policies) endpoint without meshService enabled/,
    );
  }
});

test("which dataplanes a policy or a service selects", async () => {
  const asked: Resource[] = [];
  const selectedBy = (resource: Resource) => {
    asked.push(resource);
    return [web, { ...web, name: "planless" }, { ...web, name: "gone-meanwhile" }];
  };
  const world = await worldWithPlan({ plans: { selectedBy } });
  const service = {
    spec: { selector: {}, ports: [] },
    status: { addresses: [{ hostname: "api.svc.mesh.local" }] },
  };
  await seed(world.store, { type: "MeshService", mesh: "default", name: "api", ...service });
  for (const path of [
    "meshtimeouts/t/_resources/dataplanes",
    "meshtimeouts/t/-resources/dataplanes",
    "meshservices/api/_resources/dataplanes",
    "meshservices/api/_dataplanes",
  ]) {
    const { json } = await world.call("GET", `/meshes/default/${path}`);
    assert.equal(json.total, 2, path);
    assert.ok(!("next" in json));
    assert.deepEqual(Object.keys(json.items[0]), ["labels", "mesh", "name", "type", "kri"]);
  }
  assert.equal(asked[0]?.name, "t");
  const page = (await world.call("GET", "/meshes/default/meshtimeouts/t/_resources/dataplanes?size=1")).json;
  assert.match(page.next, /offset=1&size=1$/);
  const named = (await world.call("GET", "/meshes/default/meshtimeouts/t/_resources/dataplanes?name=plan"))
    .json;
  assert.equal(named.total, 1);
  assert.equal(
    (await world.call("GET", "/meshes/default/meshtimeouts/none/_resources/dataplanes")).status,
    404,
  );
  const legacy = (await world.call("GET", "/meshes/default/meshtimeouts/t/dataplanes")).json;
  assert.deepEqual(legacy.items[0], {
    kind: "SidecarDataplane",
    dataplane: { mesh: "default", name: "web-1" },
    attachments: [{ type: "dataplane" }],
  });
  const { json } = await world.call("GET", "/meshes/default/meshservices/api/_hostnames");
  assert.deepEqual(json, {
    items: [{ hostname: "api.svc.mesh.local", zones: [{ name: "zone-1" }] }],
    total: 1,
  });
  const refused = await world.call("GET", "/meshes/default/meshtimeouts/t/_hostnames");
  assert.equal(refused.status, 400);
  assert.match(refused.json.title, /MeshService, MeshExternalService, MeshMultiZoneService/);
  assert.equal(refused.json.invalid_parameters, undefined);
});

test("configuration, statistics and clusters of a proxy", async () => {
  const asked: unknown[] = [];
  const unreachable = async () => ({ kind: "unreachable" as const, message: "never connected" });
  const envoyAdmin: EnvoyAdmin = {
    configDump: unreachable,
    stats: async (_, query) => {
      asked.push(query);
      return { kind: "answer", contentType: "text/plain", body: "a: 1\n" };
    },
    clusters: unreachable,
  };
  const world = await worldWithPlan({ envoyAdmin });
  assert.deepEqual((await world.call("GET", `${base}/xds`)).json, { clusters: [] });
  assert.deepEqual((await world.call("GET", `${base}/xds?include_eds=true`)).json.endpoints, []);
  const live = await worldWithPlan({
    envoyAdmin: {
      ...envoyAdmin,
      configDump: async (_, { includeEds }) => ({
        kind: "answer",
        contentType: "application/json",
        body: JSON.stringify({ live: true, includeEds }),
      }),
    },
  });
  const dump = await live.call("GET", `${base}/xds?include_eds=true`);
  assert.deepEqual(dump.json, { live: true, includeEds: true });
  assert.equal(dump.headers["skein-config-source"], "envoy");
  const fallback = await world.call("GET", `${base}/xds`);
  assert.equal(fallback.headers["skein-config-source"], "control-plane");
  const notSeen = await world.call("GET", `${base}/_config`);
  assert.equal(notSeen.status, 404);
  assert.equal(notSeen.json.title, "Failed to fetch dataplane insight");
  await seed(world.store, { type: "DataplaneInsight", mesh: "default", name: "web-1" });
  assert.deepEqual((await world.call("GET", `${base}/_config?shadow=false`)).json, {
    xds: {
      "type.googleapis.com/envoy.config.cluster.v3.Cluster": {},
      "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment": {},
      "type.googleapis.com/envoy.config.listener.v3.Listener": {},
      "type.googleapis.com/envoy.config.route.v3.RouteConfiguration": {},
      "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret": {},
    },
  });
  assert.equal((await world.call("GET", `${base}/_config?include=everything`)).status, 400);
  assert.equal((await world.call("GET", `${base}/_config?shadow=perhaps`)).status, 400);
  const stats = await world.call("GET", `${base}/stats`);
  assert.equal(stats.text, "a: 1\n");
  await world.call("GET", `${base}/stats?usedonly=false&format=json`);
  assert.deepEqual(asked, [
    { usedOnly: true, json: false },
    { usedOnly: false, json: true },
  ]);
  const clusters = await world.call("GET", `${base}/clusters`);
  assert.equal(clusters.status, 500);
  assert.equal(clusters.json.title, "Could not execute admin operation");
  assert.equal(clusters.json.detail, "Internal Server Error");
  assert.equal((await world.call("GET", `${base}/other`)).status, 404);
  assert.equal((await world.call("GET", "/meshes/default/dataplanes/none/xds")).status, 404);
});

test("a change can be waited for, and its items are paged", async () => {
  const items = ["a", "b", "c"].map((name) => ({
    mesh: "default",
    name,
    state: "acknowledged" as const,
    afterMs: 1,
    resources: [{ type: "cluster" as const, name: "x" }],
  }));
  let state: ChangeStatus["state"] = "pending";
  const waits: AbortSignal[] = [];
  const world = createWorld({
    deps: {
      changes: {
        status: (id) =>
          id === 42
            ? {
                id,
                time: "2026-11-23T10:00:00.123Z",
                state,
                proxies: { affected: 3, acknowledged: 3, behind: 0, rejected: 0, gone: 0 },
                lastAcknowledgedAfterMs: 1,
                items,
              }
            : undefined,
        settled: async (_, signal) => {
          waits.push(signal);
          if (waits.length > 1) await new Promise((resolve) => signal.addEventListener("abort", resolve));
          else state = "settled";
        },
      },
    },
  });
  const plain = await world.call("GET", "/_changes/42");
  assert.equal(plain.json.state, "pending");
  assert.equal(waits.length, 0);
  const waited = await world.call("GET", "/_changes/42?wait=5s&size=2");
  assert.equal(waited.json.state, "settled");
  assert.equal(waited.json.items.length, 2);
  assert.equal(waited.json.total, 3);
  assert.match(waited.json.next, /offset=2&size=2&wait=5s$/);
  const started = performance.now();
  assert.equal((await world.call("GET", "/_changes/42?wait=50ms")).status, 200);
  assert.ok(performance.now() - started < 2000, "answers when the time is over");
  assert.equal((await world.call("GET", "/_changes/41?wait=5s")).status, 404);
  assert.equal((await world.call("GET", "/_changes/42?wait=soon")).status, 400);
});

test("proxy status is listed, filtered and paged", async () => {
  const proxy = (mesh: string, name: string): ProxyStatus => ({
    mesh,
    name,
    state: "in-sync",
    connected: true,
    since: "2026-11-23T10:00:00Z",
    wantedRevision: 42,
    acknowledgedRevision: 42,
    resources: { cluster: 4 },
    rejected: [],
    conditions: [],
  });
  const all = [proxy("default", "web-1"), proxy("default", "web-2"), proxy("m2", "api-1")];
  const world = createWorld({
    deps: { proxies: { list: (mesh) => all.filter((each) => mesh === undefined || each.mesh === mesh) } },
  });
  await seed(world.store, { type: "Mesh", name: "default" });
  assert.deepEqual((await world.call("GET", "/_proxy-status")).json, { total: 3, items: all, next: null });
  assert.equal((await world.call("GET", "/meshes/default/_proxy-status")).json.total, 2);
  assert.equal((await world.call("GET", "/_proxy-status?name=web")).json.total, 2);
  assert.match((await world.call("GET", "/_proxy-status?size=2")).json.next, /offset=2&size=2$/);
  assert.equal((await world.call("GET", "/meshes/none/_proxy-status")).status, 404);
});
