import assert from "node:assert/strict";
import { test } from "node:test";
import { policyKinds } from "@skein/policies";
import { accessMatrix } from "../../access/matrix.ts";
import { analysis } from "../../analyze/analyze.ts";
import { explain } from "../../explain/explain.ts";
import { selectedBy } from "../../pipeline/answers.ts";
import { configDump } from "../../pipeline/config-dump.ts";
import { inTurns } from "../../pipeline/in-turns.ts";
import { goldenCases, goldenScene } from "../../pipeline/testing/golden.ts";
import { liveWorld, put, shop } from "../../preview/testing/live-world.ts";
import { userTokens, zoneTokens } from "../../tokens/token-family.ts";
import type { ApiDeps } from "../deps.ts";
import { collectionPath } from "../kind-routes.ts";
import { HOSTNAME_KINDS } from "../matches.ts";
import { metaOf } from "../meta.ts";
import type { Plans } from "../ports.ts";
import { DescribedAnswers, operationsOf } from "../testing/described-answers.ts";
import { createWorld, type Method, type World } from "../testing/world.ts";
import { describeApi } from "./describe-api.ts";

const document = describeApi(createWorld().deps);
const answers = new DescribedAnswers(document);

/** Asks, holds the answer to the description, and gives it back. */
async function ask(world: World, method: Method, url: string, body?: unknown) {
  const answer = await world.call(method, url, body);
  const contentType = String(answer.headers["content-type"] ?? "");
  answers.check(method, url, { status: answer.status, contentType, text: answer.text });
  return answer;
}

/** The API over a golden case: its resources are stored, its plans are those of the planner. */
async function goldenApi(name: string): Promise<World> {
  const { world, resources } = goldenScene(name);
  const api = createWorld();
  await api.store.write(resources.map((resource) => ({ op: "put", resource })));
  const policyTypes = new Set(policyKinds.map(({ type }) => type));
  const isPolicy = (type: string) => policyTypes.has(type);
  const plans: Partial<Plans> = {
    plan: ({ mesh, name: dataplane }) => world.mesh(mesh).planner.plan.at(dataplane).get(),
    config: ({ mesh, name: dataplane }) => world.mesh(mesh).config.at(dataplane).get(),
    access: (mesh) => accessMatrix(world.mesh(mesh)),
    xds: async ({ mesh, name: dataplane }, { includeEds }) => {
      const config = world.mesh(mesh).config.at(dataplane).get();
      return config && configDump(config, includeEds);
    },
    selectedBy: (resource) => selectedBy({ world, store: api.store, isPolicy }, resource),
    explain: (question) => explain(world.mesh(question.mesh), question),
    analyze: (mesh, by) => inTurns(analysis({ mesh: world.mesh(mesh), resources, ...by })),
  };
  Object.assign(api.deps.plans, plans);
  return api;
}

/** Everything that can be asked about one proxy. */
async function askAboutProxy(api: World, mesh: string, name: string): Promise<void> {
  const base = `/meshes/${mesh}/dataplanes/${name}`;
  for (const what of ["_plan", "_rules", "policies", "_policies", "_blame", "_overview", "_config", "xds"]) {
    await ask(api, "GET", `${base}/${what}`);
  }
  const layout = await ask(api, "GET", `${base}/_layout`);
  if (layout.status !== 200) return;
  const { inbounds, outbounds, listeners } = layout.json;
  for (const { kri } of [...inbounds, ...listeners]) {
    await ask(api, "GET", `${base}/_inbounds/${kri}/_policies`);
  }
  for (const { kri } of outbounds) {
    await ask(api, "GET", `${base}/_outbounds/${kri}/_policies`);
    const routes = await ask(api, "GET", `${base}/_outbounds/${kri}/_routes`);
    // A service that is known by a tag has no KRI.
    assert.equal(routes.status, kri.startsWith("kri_") ? 200 : 400);
    if (routes.status !== 200) continue;
    for (const { kri: route } of routes.json.routes.flatMap(({ rules }: { rules: object[] }) => rules)) {
      await ask(api, "GET", `${base}/_outbounds/${kri}/_routes/${route}/_policies`);
    }
  }
}

/** Everything that can be asked about one resource. */
async function askAboutResource(
  api: World,
  deps: ApiDeps,
  resource: ReturnType<World["store"]["list"]>[number],
) {
  const kind = deps.registry.byType(resource.type);
  if (kind === undefined) return;
  const { mesh, name } = resource;
  const item = `${collectionPath(kind).replace(":mesh", mesh)}/${name}`;
  await ask(api, "GET", item);
  await ask(api, "GET", `${item}?format=k8s`);
  const { kri } = metaOf(deps, resource);
  if (kri !== undefined) await ask(api, "GET", `/_kri/${kri}`);
  const after: readonly string[] = [
    ...(kind.policy?.isTargetRef ? ["_conditions", "dataplanes", "_resources/dataplanes"] : []),
    ...(kind.type === "MeshService" ? ["_dataplanes", "_resources/dataplanes", "-resources/dataplanes"] : []),
    ...(kind.type === "MeshGateway" ? ["_rules", "dataplanes", "_resources/dataplanes"] : []),
    ...(HOSTNAME_KINDS.includes(kind.type) ? ["_hostnames"] : []),
  ];
  for (const each of after) await ask(api, "GET", `${item}/${each}`);
}

/** What only a proxy can answer: the tests with real Envoys ask for it. */
const ASKED_OF_ENVOY = ["getChange", "getProxyStatusList", "getStats", "getClusters"];

for (const name of goldenCases()) {
  test(`answers about ${name} are as they are described`, async () => {
    const api = await goldenApi(name);
    for (const { type } of api.deps.registry.kinds) {
      for (const resource of api.store.list({ type })) await askAboutResource(api, api.deps, resource);
    }
    for (const { name: mesh } of api.store.list({ type: "Mesh" })) {
      const dataplanes = api.store.list({ type: "Dataplane", mesh });
      const insights = dataplanes.map((each) => ({
        ...each,
        type: "DataplaneInsight",
        spec: {},
        labels: {},
      }));
      await api.store.write(insights.map((resource) => ({ op: "put", resource })));
      for (const { name: dataplane } of dataplanes) await askAboutProxy(api, mesh, dataplane);
      for (const what of ["_access", "_analysis"]) await ask(api, "GET", `/meshes/${mesh}/${what}`);
    }
  });
}

const timeout = (requestTimeout: string, extra: object = {}) => ({
  type: "MeshTimeout",
  mesh: "default",
  name: "slow",
  spec: { to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout } } }] },
  ...extra,
});

test("answers to writes, previews and shadows are as they are described", async () => {
  const { api } = liveWorld();
  await put(api, ...shop(2));
  const url = "/meshes/default/meshtimeouts/slow";
  assert.equal((await ask(api, "PUT", url, timeout("9s"))).status, 201);
  assert.equal((await ask(api, "PUT", url, timeout("8s", { surprise: 1 }))).status, 200);
  const shadow = timeout("1s", { name: "dark", labels: { "kuma.io/effect": "shadow" } });
  await put(api, shadow);
  const dataplane = "/meshes/default/dataplanes/web-0";
  await api.store.write([
    {
      op: "put",
      resource: { type: "DataplaneInsight", mesh: "default", name: "web-0", labels: {}, spec: {} },
    },
  ]);
  const config = await ask(api, "GET", `${dataplane}/_config?shadow=true&include=diff`);
  assert.ok(config.json.diff.length > 0, "a shadow policy changes nothing");
  const changes = [
    { op: "put", type: "MeshTimeout", mesh: "default", name: "slow", resource: timeout("7s") },
    { op: "put", type: "MeshTimeout", mesh: "default", name: "other", resource: timeout("7s") },
    {
      ...{ op: "put", type: "MeshExternalService", mesh: "default", name: "out" },
      resource: {
        ...{ type: "MeshExternalService", mesh: "default", name: "out" },
        labels: { "kuma.io/zone": "zone-1" },
        spec: {
          match: { type: "HostnameGenerator", port: 443, protocol: "tcp" },
          endpoints: [{ address: "192.0.2.1", port: 443 }],
        },
      },
    },
    { op: "delete", type: "Dataplane", mesh: "default", name: "api-0" },
  ];
  const preview = await ask(api, "POST", "/_preview", { changes });
  assert.deepEqual(
    preview.json.documents.map(({ outcome }: { outcome: string }) => outcome),
    ["updated", "refused", "created", "deleted"],
    preview.text,
  );
  assert.ok(preview.json.diff.total > 0 && preview.json.proxies.changed > 0 && preview.json.names.total > 0);
  assert.equal((await ask(api, "POST", "/_preview", { changes: [] })).status, 400);
  assert.equal((await ask(api, "PUT", url, { type: "MeshTimeout" })).status, 400);
  assert.equal((await ask(api, "DELETE", url)).status, 200);
  assert.equal((await ask(api, "DELETE", url)).status, 404);
  const question = "/meshes/default/_explain?source=web-0&destination";
  assert.equal((await ask(api, "GET", `${question}=api`)).status, 200);
  assert.equal((await ask(api, "GET", `${question}=nobody`)).status, 404);
  assert.equal((await ask(api, "GET", `${question}=`)).status, 400);
});

test("answers about the control plane, and lists, are as they are described", async () => {
  const api = await goldenApi("zone-egress");
  for (const path of [
    "/",
    "/config",
    "/who-am-i",
    "/global-insight",
    "/global-insights",
    "/gui",
    "/gui/meshes",
  ]) {
    await ask(api, "GET", path);
  }
  for (const path of ["/_resources", "/policies", "/openapi.json", "/_openapi"]) await ask(api, "GET", path);
  const spec = {
    subscriptions: [{ id: "1", controlPlaneInstanceId: "cp", connectTime: "2026-11-23T10:00:00Z" }],
  };
  const meshes = api.store.list({ type: "Mesh" }).map(({ name }) => name);
  const dataplanes = api.store.list({ type: "Dataplane" });
  await api.store.write([
    ...dataplanes.map(({ mesh, name }) => ({
      ...{ op: "put" as const },
      resource: { type: "DataplaneInsight", mesh, name, labels: {}, spec },
    })),
    { op: "put", resource: { type: "Zone", mesh: "", name: "east", labels: {}, spec: { enabled: true } } },
  ]);
  for (const { method, path, id } of operationsOf(document)) {
    const url = path.replace("/meshes/{}/", `/meshes/${meshes[0]}/`);
    if (method !== "GET" || url.includes("{}") || ASKED_OF_ENVOY.some((each) => id.startsWith(each)))
      continue;
    await ask(api, "GET", url);
    if (id.endsWith("List")) {
      for (const query of ["size=1", "size=0", "name=e", "filter[x]=1"])
        await ask(api, "GET", `${url}?${query}`);
    }
  }
  const { total } = (await ask(api, "GET", "/dataplanes/_overview")).json;
  assert.equal(total, dataplanes.length);
});

test("answers to requests for tokens are as they are described", async () => {
  const api = createWorld();
  await api.call("PUT", "/meshes/default", { type: "Mesh", name: "default" });
  assert.equal((await ask(api, "POST", "/tokens/user", { name: "john", validFor: "1h" })).status, 404);
  await api.tokens.keys.ensure(zoneTokens);
  await api.tokens.keys.ensure(userTokens);
  await ask(api, "POST", "/tokens/dataplane", { mesh: "default", name: "web-1" });
  await ask(api, "POST", "/tokens/zone", { zone: "zone-1", scope: ["egress"] });
  await ask(api, "POST", "/tokens/user", { name: "john", validFor: "1h" });
  assert.equal((await ask(api, "POST", "/tokens/user", {})).status, 400);
  assert.equal((await ask(api, "POST", "/tokens/user", "[")).status, 400);
});

test("every operation that is no kind's own was answered", () => {
  const kinds = createWorld().deps.registry.kinds.map(({ type }) => type);
  const left = operationsOf(document)
    .filter(({ id }) => !answers.fulfilled.has(id) && !ASKED_OF_ENVOY.some((each) => id.startsWith(each)))
    .filter(
      ({ id }) =>
        !kinds.some((type) => new RegExp(`^(get|put|delete)${type}(Overview)?(AtOldPath)?$`).test(id)),
    );
  assert.deepEqual(
    left.map(({ id }) => id),
    [],
  );
});

test("an answer with more, less or something else than is described is found", () => {
  const given = (value: object, status = 200) => ({
    ...{ status, contentType: "application/json" },
    text: JSON.stringify(value),
  });
  const check = (value: object, status?: number) => () =>
    answers.check("GET", "/who-am-i", given(value, status));
  assert.doesNotThrow(check({ name: "a", groups: [] }));
  assert.throws(check({ name: "a", groups: [], surprise: 1 }), /surprise/);
  assert.throws(check({ name: "a" }), /groups/);
  assert.throws(check({ name: "a", groups: "g" }), /must be array/);
  assert.throws(check({}, 418), /418 is not among the answers/);
  assert.throws(() => answers.check("GET", "/who-are-you", given({})), /not described/);
});
