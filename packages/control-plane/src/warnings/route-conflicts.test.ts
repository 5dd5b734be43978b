import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource } from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { putAsideWarnings } from "./route-conflicts.ts";

const mesh = "default";
const service = (name: string, ports: readonly object[]) => ({
  ...{ type: "MeshService", mesh, name, labels: {} },
  spec: { selector: { dataplaneLabels: { matchLabels: { app: name } } }, ports },
});
const CALLER = {
  ...{ type: "Dataplane", mesh, name: "portal-1", labels: { app: "portal" } },
  networking: { address: "127.0.0.1", inbound: [{ port: 80 }] },
};
const route = (type: string, name: string, to: object, more: object = {}, labels: object = {}) => ({
  ...{ type, mesh, name, labels },
  spec: { to: [{ targetRef: { kind: "MeshService", ...to }, rules: [] }], ...more },
});

async function warnings(written: object, ...there: readonly object[]) {
  const store = openMemoryStore({ now: () => 0 });
  const documents = [
    service("web", [
      { port: 80, name: "main", appProtocol: "http" },
      { port: 90, name: "raw" },
    ]),
    service("db", [{ port: 5432, appProtocol: "tcp" }]),
    ...there,
  ];
  for (const document of documents) await store.write([{ op: "put", resource: stored(document, 1) }]);
  const selected = [stored(CALLER, 1) as DataplaneResource];
  return putAsideWarnings(stored(written, 1) as PolicyResource, selected, store);
}

const TCP = route("MeshTCPRoute", "spread", { name: "web" });
const HTTP = route("MeshHTTPRoute", "seats", { name: "web" });

test("whoever writes one of two routes about one HTTP service is told which of them decides", async () => {
  assert.deepEqual(await warnings(TCP), []);
  assert.deepEqual(await warnings(TCP, HTTP), [
    'spec.to[0]: MeshService "web" speaks HTTP, and MeshHTTPRoute "seats" leads its requests, so this has no effect for callers that both select',
  ]);
  assert.deepEqual(await warnings(HTTP, TCP), [
    'spec.to[0]: leads the requests of MeshService "web", so MeshTCPRoute "spread" has no effect there any more for callers that both select',
  ]);
});

test("not where they have nothing in common", async () => {
  const apart: readonly (readonly [string, object, object])[] = [
    ["another service", TCP, route("MeshHTTPRoute", "r", { name: "db" })],
    ["a port of bytes", route("MeshTCPRoute", "t", { name: "web", sectionName: "raw" }), HTTP],
    ["bytes", route("MeshTCPRoute", "t", { name: "db" }), route("MeshHTTPRoute", "r", { name: "db" })],
    ["the same kind", TCP, route("MeshTCPRoute", "other", { name: "web" })],
    [
      "other callers",
      TCP,
      route(
        "MeshHTTPRoute",
        "r",
        { name: "web" },
        { targetRef: { kind: "Dataplane", labels: { app: "crew" } } },
      ),
    ],
    ["a trial", TCP, route("MeshHTTPRoute", "r", { name: "web" }, {}, { "kuma.io/effect": "shadow" })],
  ];
  for (const [about, written, there] of apart) assert.deepEqual(await warnings(written, there), [], about);
});
