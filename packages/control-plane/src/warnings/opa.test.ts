import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource } from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { opaWarnings } from "./opa.ts";

const dataplane = (name: string, protocol: string): DataplaneResource =>
  stored(
    {
      type: "Dataplane",
      mesh: "default",
      name,
      networking: { address: "127.0.1.1", inbound: [{ port: 8080, protocol }] },
    },
    1,
  ) as DataplaneResource;
const WEB = dataplane("web", "http");
const DB = dataplane("db", "tcp");
const policy = (conf: object, targetRef: object = { kind: "Mesh" }): PolicyResource =>
  stored(
    { type: "MeshOPA", mesh: "default", name: "p", spec: { targetRef, default: conf } },
    2,
  ) as PolicyResource;
const RULES = { appendPolicies: [{ rego: { inlineString: "package a" } }] };

async function warned(conf: object, selected = [WEB], targetRef?: object): Promise<readonly string[]> {
  const store = openMemoryStore({ now: () => 0, onError: (error) => assert.ifError(error) });
  const labels = {};
  await store.write([
    { op: "create", resource: { type: "Mesh", mesh: "", name: "default", labels, spec: {} } },
    {
      op: "create",
      resource: { type: "Secret", mesh: "default", name: "there", labels, spec: { data: "" } },
    },
  ]);
  return opaWarnings(policy(conf, targetRef), selected, store);
}

test("Secrets that are not there", async () => {
  const rego = (secret: string) => ({ rego: { secret } });
  assert.deepEqual(
    await warned({ appendPolicies: [rego("there"), rego("gone")], agentConfig: { secret: "lost" } }),
    [
      'spec.default.agentConfig.secret: there is no Secret "lost" in the mesh now, so the agent goes without it',
      'spec.default.appendPolicies[1].rego.secret: there is no Secret "gone" in the mesh now, so its proxies refuse every request until there is',
    ],
  );
});

test("configurations of the agent that come to nothing", async () => {
  const at = "spec.default.agentConfig.inlineString:";
  assert.deepEqual(await warned({ agentConfig: { inlineString: "labels: {a: b}" } }), []);
  for (const inlineString of ["just text", "{", "[1]"]) {
    assert.deepEqual(await warned({ agentConfig: { inlineString } }), [
      `${at} is not an object in YAML, so the agent goes without it`,
    ]);
  }
  assert.deepEqual(await warned({ agentConfig: { inlineString: "discovery: {name: x}" } }), [
    `${at} discovery has no effect, because the agent finds this configuration by it; name bundles and services instead`,
  ]);
});

test("proxies that speak no HTTP", async () => {
  const some = { kind: "Dataplane" };
  assert.deepEqual(await warned(RULES, [WEB, DB]), [], "it is meant for those that do");
  assert.deepEqual(await warned(RULES, [WEB, DB], some), [
    "spec.targetRef: db speaks tcp only, so nothing is decided there; set protocol on the inbound",
  ]);
});

test("other policies have no such warnings", () => {
  const other = { ...policy({ agentConfig: { secret: "lost" } }), type: "MeshTimeout" };
  assert.deepEqual(
    opaWarnings(other, [DB], openMemoryStore({ now: () => 0, onError: (error) => assert.ifError(error) })),
    [],
  );
});
