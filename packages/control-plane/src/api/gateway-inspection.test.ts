import assert from "node:assert/strict";
import { test } from "node:test";
import { liveWorld, put, shop } from "../preview/testing/live-world.ts";

const of = { mesh: "default" };
const TOP = { kind: "MeshGateway", name: "edge" };
const MESH = { kind: "Mesh" };
const GATEWAY = [
  {
    ...{ type: "Dataplane", ...of, name: "edge-1", labels: { app: "edge" } },
    networking: { address: "127.0.9.1", gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } } },
  },
  {
    ...{ type: "MeshGateway", ...of, name: "edge" },
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: {
      listeners: [
        { port: 80, protocol: "HTTP", hostname: "a.test", tags: { host: "a" } },
        { port: 80, protocol: "HTTP", hostname: "*.b.test", tags: { host: "b" } },
      ],
    },
  },
  {
    ...{ type: "MeshHTTPRoute", ...of, name: "all" },
    spec: {
      targetRef: TOP,
      to: [
        {
          targetRef: MESH,
          rules: [
            {
              matches: [{ path: { type: "PathPrefix", value: "/" } }],
              default: { backendRefs: [{ kind: "MeshService", name: "api", port: 80 }] },
            },
          ],
        },
      ],
    },
  },
];
const to = (type: string, name: string, targetRef: object, conf: object) => ({
  ...{ type, ...of, name },
  spec: { targetRef, to: [{ targetRef: MESH, default: conf }] },
});
const limit = (num: number) => ({ local: { http: { requestRate: { num, interval: "1s" } } } });

async function edge(...policies: readonly Readonly<Record<string, unknown>>[]) {
  const { api } = liveWorld();
  await put(api, ...shop(1), ...GATEWAY, ...policies);
  const get = async (path: string) => (await api.call("GET", `/meshes/default/${path}`)).json;
  return { api, get };
}

test("the layout has the listeners and what their routes lead to", async () => {
  const { get } = await edge();
  const { inbounds, outbounds, kri } = await get("dataplanes/edge-1/_layout");
  assert.equal(kri, "kri_dp_default_zone-1__edge-1_");
  assert.deepEqual(inbounds, [
    {
      kri: "kri_dp_default_zone-1__edge-1_80:a.test",
      port: 80,
      protocol: "http",
      proxyResourceName: "edge:HTTP:80",
    },
    {
      kri: "kri_dp_default_zone-1__edge-1_80:*.b.test",
      port: 80,
      protocol: "http",
      proxyResourceName: "edge:HTTP:80",
    },
  ]);
  assert.deepEqual(
    outbounds.map((each: { kri: string }) => each.kri),
    ["kri_msvc_default_zone-1__api_http"],
  );
});

test("policies of one listener, with the rule behind each field", async () => {
  const { get } = await edge(
    to("MeshRateLimit", "all", TOP, limit(5)),
    to("MeshRateLimit", "b", { ...TOP, tags: { host: "b" } }, limit(2)),
  );
  const limitAt = async (section: string) => {
    const path = `dataplanes/edge-1/_inbounds/${encodeURIComponent(`kri_dp_default_zone-1__edge-1_${section}`)}/_policies`;
    const { policies } = await get(path);
    return policies.find(({ kind }: { kind: string }) => kind === "MeshRateLimit");
  };
  assert.equal((await limitAt("80:a.test")).rules[0].conf.local.http.requestRate.num, 5);
  const own = await limitAt("80:*.b.test");
  assert.deepEqual(own.origins, [{ kri: "kri_mrl_default_zone-1__b_" }]);
  assert.deepEqual(
    own.fields.find(({ path }: { path: string }) => path === "local.http.requestRate.num"),
    {
      path: "local.http.requestRate.num",
      value: 2,
      kri: "kri_mrl_default_zone-1__b_",
      rule: "to[0]",
    },
  );
  const missing = "dataplanes/edge-1/_inbounds/kri_dp_default_zone-1__edge-1_80/_policies";
  assert.equal((await get(missing)).status, 404);
});

test("policies of calls: of each way to a destination, of its routes and of one of them", async () => {
  const { get } = await edge(
    to("MeshTimeout", "all", TOP, { http: { requestTimeout: "3s" } }),
    to("MeshTimeout", "b", { ...TOP, tags: { host: "b" } }, { http: { requestTimeout: "4s" } }),
    {
      ...{ type: "MeshRetry", ...of, name: "route" },
      spec: {
        to: [{ targetRef: { kind: "MeshHTTPRoute", name: "all" }, default: { http: { numRetries: 7 } } }],
      },
    },
  );
  const base = "dataplanes/edge-1/_outbounds/kri_msvc_default_zone-1__api_http";
  const { policies } = await get(`${base}/_policies`);
  const timeout = policies.find(({ kind }: { kind: string }) => kind === "MeshTimeout");
  assert.deepEqual(
    timeout.conf.map((conf: { http: { requestTimeout: string } }) => conf.http.requestTimeout),
    ["3s", "4s"],
  );
  const { routes } = await get(`${base}/_routes`);
  assert.deepEqual(
    routes.map(({ kind, rules }: { kind: string; rules: unknown[] }) => [kind, rules.length]),
    [
      ["MeshHTTPRoute", 1],
      ["MeshHTTPRoute", 1],
    ],
  );
  const ofRoute = await get(`${base}/_routes/${routes[0].rules[0].kri}/_policies`);
  const retry = ofRoute.policies.find(({ kind }: { kind: string }) => kind === "MeshRetry");
  assert.equal(retry.conf[0].http.numRetries, 7);
});

test("_rules of a MeshGateway are those of a proxy that serves it, and none while nobody does", async () => {
  const { api, get } = await edge(to("MeshRateLimit", "all", TOP, limit(5)));
  const { resource, rules } = await get("meshgateways/edge/_rules");
  assert.deepEqual([resource.type, resource.name], ["MeshGateway", "edge"]);
  const found = rules.find(({ type }: { type: string }) => type === "MeshRateLimit");
  assert.deepEqual(
    found.inboundRules.map(({ inbound }: { inbound: { name: string } }) => inbound.name),
    ["80:a.test", "80:*.b.test"],
  );
  assert.equal((await get("meshgateways/none/_rules")).status, 404);
  await api.call("DELETE", "/meshes/default/dataplanes/edge-1");
  assert.deepEqual((await get("meshgateways/edge/_rules")).rules, []);
});

test("who is affected by a policy about a gateway, in both shapes", async () => {
  const { get } = await edge(to("MeshRateLimit", "all", TOP, limit(5)));
  const { items } = await get("meshratelimits/all/_resources/dataplanes");
  assert.deepEqual(
    items.map(({ name }: { name: string }) => name),
    ["edge-1"],
  );
  const old = await get("meshratelimits/all/dataplanes");
  assert.deepEqual(old.items[0].dataplane, { mesh: "default", name: "edge-1" });
});
