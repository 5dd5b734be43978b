import assert from "node:assert/strict";
import { test } from "node:test";
import { UNKNOWN_NODE } from "../plan/node-facts.ts";
import { liveWorld, put, shop } from "../preview/testing/live-world.ts";

const CLUSTER = "kri_msvc_default_zone-1__api_http";
const base = "/meshes/default/dataplanes/web-0/_blame";

const timeout = (name: string, top: object, conf: object) => ({
  type: "MeshTimeout",
  mesh: "default",
  name,
  spec: { targetRef: top, to: [{ targetRef: { kind: "Mesh" }, default: conf }] },
});

async function world() {
  const live = liveWorld();
  await put(
    live.api,
    ...shop(1),
    timeout("all", { kind: "Mesh" }, { idleTimeout: "7s", http: { requestTimeout: "5s" } }),
    timeout("web", { kind: "Dataplane", labels: { app: "web" } }, { http: { requestTimeout: "9s" } }),
    {
      type: "MeshTimeout",
      mesh: "default",
      name: "in",
      spec: { rules: [{ default: { idleTimeout: "3s" } }] },
    },
  );
  return live;
}

test("a route configuration is traced to its destination, and to the rule behind each field", async () => {
  const { api } = await world();
  const { json } = await api.call("GET", `${base}?type=route&name=${CLUSTER}`);
  assert.equal(json.total, 1);
  const [item] = json.items;
  assert.deepEqual([item.type, item.name], ["route", CLUSTER]);
  assert.deepEqual(item.parts, [{ kind: "outbound", destination: CLUSTER }]);
  const stored = (name: string) => api.store.get({ type: "MeshTimeout", mesh: "default", name });
  assert.deepEqual(item.policies, [
    {
      kind: "MeshTimeout",
      kri: "kri_mt_default_zone-1__all_",
      name: "all",
      revision: stored("all")?.revision,
      modificationTime: stored("all")?.modificationTime,
      rules: [{ rule: "to[0]", fields: [{ path: "idleTimeout", value: "7s" }] }],
    },
    {
      kind: "MeshTimeout",
      kri: "kri_mt_default_zone-1__web_",
      name: "web",
      revision: stored("web")?.revision,
      modificationTime: stored("web")?.modificationTime,
      rules: [{ rule: "to[0]", fields: [{ path: "http.requestTimeout", value: "9s" }] }],
    },
  ]);
  assert.deepEqual(
    item.sources.map(({ kind, name }: { kind: string; name: string }) => `${kind} ${name}`),
    ["Dataplane web-0", "MeshService api"],
  );
});

test("every resource of a proxy has a part that it is made from", async () => {
  const { api, world: live } = await world();
  live.mesh("default").node.set("web-0", {
    ...UNKNOWN_NODE,
    redirect: { outboundPort: 15_001, inboundPort: 15_006, ipv6: true },
    adminSocket: "/tmp/admin.sock",
    adminPort: 9901,
    dynamicConfigSocket: "/tmp/config.sock",
  });
  const { json } = await api.call("GET", base);
  const config = live.mesh("default").config.at("web-0").get();
  assert.equal(
    json.total,
    (config?.listeners.size ?? 0) +
      (config?.clusters.size ?? 0) +
      (config?.routes.size ?? 0) +
      (config?.endpoints.size ?? 0) +
      (config?.secrets.size ?? 0),
  );
  const partOf = (name: string) =>
    json.items
      .filter((item: { name: string }) => item.name === name)
      .map(({ type, parts }: { type: string; parts: { kind: string }[] }) => `${type} ${parts[0]?.kind}`);
  assert.deepEqual(partOf("self_inbound_dp_main"), ["listener inbound", "route inbound", "cluster inbound"]);
  assert.deepEqual(partOf(CLUSTER), [
    "listener outbound",
    "route outbound",
    "cluster outbound",
    "endpoint outbound",
  ]);
  assert.deepEqual(partOf("system_envoy_admin"), ["listener admin", "cluster admin"]);
  const inbound = json.items.find(({ name }: { name: string }) => name === "self_inbound_dp_main");
  assert.deepEqual(
    inbound.policies.map(({ name, rules }: { name: string; rules: { rule: string }[] }) => [
      name,
      rules.map(({ rule }) => rule),
    ]),
    [["in", ["rules[0]"]]],
  );
});

test("what is not there is not found, a type that is none is refused", async () => {
  const { api } = await world();
  assert.equal((await api.call("GET", `${base}?name=nothing`)).status, 404);
  assert.equal((await api.call("GET", `${base}?type=policy`)).status, 400);
  assert.equal((await api.call("GET", "/meshes/default/dataplanes/nobody/_blame")).status, 404);
});

test("a call out of the mesh is traced to the MeshExternalService, with its revision", async () => {
  const { api } = await world();
  await put(
    api,
    {
      type: "MeshExternalService",
      mesh: "default",
      name: "pay",
      spec: {
        match: { type: "HostnameGenerator", port: 443, protocol: "http" },
        endpoints: [{ address: "192.0.2.1", port: 443 }],
      },
    },
    {
      type: "Dataplane",
      mesh: "default",
      name: "web-0",
      labels: { app: "web" },
      networking: {
        address: "127.1.2.1",
        inbound: [{ name: "main", port: 8080, protocol: "http", tags: { "kuma.io/service": "web" } }],
        outbound: [{ port: 10_443, backendRef: { kind: "MeshExternalService", name: "pay" } }],
      },
    },
  );
  const revision = api.store.get({ type: "MeshExternalService", mesh: "default", name: "pay" })?.revision;
  for (const type of ["listener", "route", "cluster"]) {
    const name = "kri_extsvc_default_zone-1__pay_443";
    const { json } = await api.call("GET", `${base}?type=${type}&name=${name}`);
    const source = json.items?.[0]?.sources.find(({ name: of }: { name: string }) => of === "pay");
    assert.deepEqual([source?.kind, source?.revision], ["MeshExternalService", revision], type);
  }
});

test("a listener of a gateway is its MeshGateway's, and of the policies about its clients and its calls, rule by rule", async () => {
  const { api } = await world();
  const targetRef = { kind: "MeshGateway", name: "edge" };
  const backendRefs = [{ kind: "MeshService", name: "api", port: 80 }];
  const matches = [{ path: { type: "PathPrefix", value: "/" } }];
  await put(
    api,
    {
      type: "Dataplane",
      mesh: "default",
      name: "edge-0",
      networking: {
        address: "127.1.3.1",
        gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } },
      },
    },
    {
      type: "MeshGateway",
      mesh: "default",
      name: "edge",
      selectors: [{ match: { "kuma.io/service": "edge" } }],
      conf: { listeners: [{ port: 80, protocol: "HTTP" }] },
    },
    {
      type: "MeshHTTPRoute",
      mesh: "default",
      name: "all",
      spec: {
        targetRef,
        to: [{ targetRef: { kind: "Mesh" }, rules: [{ matches, default: { backendRefs } }] }],
      },
    },
    timeout("calls", targetRef, { http: { requestTimeout: "4s" } }),
  );
  const { json } = await api.call("GET", "/meshes/default/dataplanes/edge-0/_blame?type=route");
  const [item] = json.items;
  assert.deepEqual(
    item.policies.map(({ kind, name, rules }: { kind: string; name: string; rules: { rule: string }[] }) => [
      kind,
      name,
      rules.map(({ rule }) => rule),
    ]),
    [
      ["MeshHTTPRoute", "all", ["to[0].rules[0]"]],
      ["MeshTimeout", "all", ["to[0]"]],
      ["MeshTimeout", "calls", ["to[0]"]],
      ["MeshTimeout", "in", ["rules[0]"]],
    ],
  );
  const listener = await api.call("GET", "/meshes/default/dataplanes/edge-0/_blame?type=listener");
  const kindsOf = (items: { kind: string }[]) => items.map(({ kind }) => kind);
  assert.ok(!kindsOf(listener.json.items[0].policies).includes("MeshGateway"));
  const gateway = listener.json.items[0].sources.find(({ kind }: { kind: string }) => kind === "MeshGateway");
  assert.deepEqual(
    [gateway.name, gateway.revision],
    ["edge", api.store.get({ type: "MeshGateway", mesh: "default", name: "edge" })?.revision],
  );
});
