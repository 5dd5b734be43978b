import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource, Resource } from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { passthroughWarnings } from "./passthrough.ts";

const dataplane = (name: string, networking: object = {}): DataplaneResource =>
  stored(
    {
      type: "Dataplane",
      mesh: "default",
      name,
      labels: { app: name },
      networking: { address: "192.0.2.1", inbound: [{ port: 8080 }], ...networking },
    },
    1,
  ) as DataplaneResource;
const REDIRECTED = dataplane("web", { transparentProxying: { redirectPortOutbound: 15_001 } });
const PLAIN = dataplane("plain");
const NEW = dataplane("new");
const EDGE = dataplane("edge", {
  inbound: undefined,
  gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } },
});
const policy = (name: string, conf: object, targetRef: object = { kind: "Mesh" }): PolicyResource =>
  stored(
    { type: "MeshPassthrough", mesh: "default", name, spec: { targetRef, default: conf } },
    2,
  ) as PolicyResource;
const insight = (name: string, metadata: object): Resource =>
  stored({ type: "DataplaneInsight", mesh: "default", name, metadata }, 3);
const matched = (...appendMatch: readonly object[]) => ({ passthroughMode: "Matched", appendMatch });
const IP = { type: "IP", value: "192.0.2.7" };

async function warned(
  conf: object,
  { selected = [REDIRECTED], others = [] }: { selected?: DataplaneResource[]; others?: Resource[] } = {},
): Promise<readonly string[]> {
  const store = openMemoryStore({ now: () => 0, onError: (error) => assert.ifError(error) });
  const mesh = { type: "Mesh", mesh: "", name: "default", labels: {}, spec: {} };
  await store.write([mesh, ...others].map((resource) => ({ op: "create" as const, resource })));
  return passthroughWarnings(policy("mine", conf), selected, store);
}

test("what is meant is not warned of", async () => {
  assert.deepEqual(await warned(matched(IP)), []);
  assert.deepEqual(await warned({ passthroughMode: "All" }), []);
  assert.deepEqual(await warned({ passthroughMode: "None" }), []);
});

test("who closes the mesh by saying nothing is told so", async () => {
  const rest =
    "and appendMatch is empty, so NOTHING leaves the mesh from the proxies that it selects, as far as no other MeshPassthrough says more; list in appendMatch what may leave, or set passthroughMode: All";
  assert.deepEqual(await warned({}), [
    `spec.default: passthroughMode is Matched where nothing is said ${rest}`,
  ]);
  assert.deepEqual(await warned(matched()), [`spec.default: passthroughMode is Matched ${rest}`]);
});

test("entries beside another mode", async () => {
  assert.deepEqual(await warned({ passthroughMode: "All", appendMatch: [IP] }), [
    "spec.default.appendMatch: has no effect with passthroughMode All; set Matched to let out what it lists and nothing else",
  ]);
});

test("proxies to which nothing is redirected, by what they said or their Dataplane says", async () => {
  const others = [
    insight("plain", { features: [] }),
    insight("web", { features: [] }),
    insight("told", {
      features: ["feature-transparent-proxy-in-dataplane-metadata"],
      transparentProxy: { redirect: { outbound: { enabled: true, port: 15_001 } } },
    }),
  ];
  const selected = [REDIRECTED, PLAIN, NEW, EDGE, dataplane("told")];
  assert.deepEqual(await warned(matched(IP), { selected, others }), [
    "spec.targetRef: has no effect on built-in gateways, such as edge",
    "spec.targetRef: has no effect on proxies without transparent proxying, such as plain: their applications reach other destinations without the proxy",
  ]);
});

test("entries of other policies that cannot be told apart from these, once for all proxies", async () => {
  const http = { type: "Domain", value: "api.example.com", port: 80, protocol: "http" };
  const selected = [REDIRECTED, dataplane("web-2")];
  const conf = matched(IP, { ...http, protocol: "grpc" });
  const lost =
    "http api.example.com on port 80 has no effect, because another entry says grpc of the same; they cannot be told apart";
  const others = [policy("zebra", matched(http))];
  assert.deepEqual(await warned(conf, { selected, others }), [
    `kri_mp_default_east__zebra_ default.appendMatch[0]: ${lost}`,
  ]);
  const narrower = [policy("zebra", matched(http), { kind: "Dataplane", labels: { app: "web" } })];
  assert.deepEqual(await warned(conf, { selected, others: narrower }), [
    "spec.default.appendMatch[1]: grpc api.example.com on port 80 has no effect, because another entry says http of the same; they cannot be told apart",
  ]);
  const elsewhere = [policy("zebra", matched(http), { kind: "Dataplane", labels: { app: "other" } })];
  assert.deepEqual(await warned(conf, { selected, others: elsewhere }), []);
});

test("entries that mysql on their port hides", async () => {
  const mysql = { ...IP, port: 3306, protocol: "mysql" };
  const tls = { type: "Domain", value: "*.example.com", protocol: "tls" };
  assert.deepEqual(await warned(matched(mysql, tls)), [
    "spec.default.appendMatch[1]: tls *.example.com on every port does not hold on port 3306, where another entry says mysql: a server of MySQL speaks first, so the client's first bytes are not waited for",
  ]);
});
