import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyResource } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { backendWarnings, routeTargetWarnings } from "./route.ts";

const service = (name: string, appProtocol: string | undefined, app = name) => ({
  type: "MeshService",
  mesh: "default",
  name,
  labels: { app },
  spec: {
    selector: { dataplaneLabels: { matchLabels: { app } } },
    ports: [{ port: 80, targetPort: 8080, ...(appProtocol === undefined ? {} : { appProtocol }) }],
  },
});
const route = (type: string, ...backendRefs: object[]) => ({
  type,
  mesh: "default",
  name: "r",
  spec: {
    to: [
      {
        targetRef: { kind: "MeshService", name: "web" },
        rules: [
          {
            ...(type === "MeshHTTPRoute" ? { matches: [{ path: { type: "PathPrefix", value: "/" } }] } : {}),
            default: { backendRefs },
          },
        ],
      },
    ],
  },
});

async function storeOf(...documents: object[]) {
  const store = openMemoryStore({ now: () => 0 });
  for (const document of documents) await store.write([{ op: "put", resource: stored(document, 1) }]);
  return store;
}

const AT = "spec.to[0].rules[0].default.backendRefs[0]";
const cases: readonly [about: string, type: string, ref: object, warnings: readonly string[]][] = [
  ["a service that is there", "MeshHTTPRoute", { name: "web", port: 80 }, []],
  ["a service by its labels", "MeshHTTPRoute", { labels: { app: "web" } }, []],
  [
    "nobody has the name",
    "MeshHTTPRoute",
    { name: "nowhere" },
    [`${AT}: there is no such MeshService now, so nothing is sent there`],
  ],
  [
    "nobody has the labels",
    "MeshTCPRoute",
    { labels: { app: "nowhere" } },
    [`${AT}: there is no such MeshService now, so nothing is sent there`],
  ],
  [
    "a port that the service lacks",
    "MeshHTTPRoute",
    { name: "web", port: 81 },
    [`${AT}: no such port (the service has: 80), so nothing is sent there`],
  ],
  [
    "requests to a service of bytes",
    "MeshHTTPRoute",
    { name: "db", port: 80 },
    [`${AT}: it speaks tcp only (set appProtocol on its port), so nothing is sent there`],
  ],
  ["connections to a service of bytes", "MeshTCPRoute", { name: "db", port: 80 }, []],
];

for (const [about, type, ref, expected] of cases) {
  test(`${type}: ${about}`, async () => {
    const store = await storeOf(service("web", "http"), service("db", undefined));
    const policy = stored(route(type, { kind: "MeshService", ...ref }), 1) as PolicyResource;
    assert.deepEqual(backendWarnings(policy, store), expected);
  });
}

test("a policy about a route that is not there", async () => {
  const store = await storeOf(route("MeshHTTPRoute", { kind: "MeshService", name: "web", port: 80 }));
  const timeout = (...names: string[]) =>
    stored(
      {
        type: "MeshTimeout",
        mesh: "default",
        name: "t",
        spec: {
          to: names.map((name) => ({
            targetRef: { kind: "MeshHTTPRoute", name },
            default: { http: { requestTimeout: "1s" } },
          })),
        },
      },
      1,
    ) as PolicyResource;
  assert.deepEqual(routeTargetWarnings(timeout("r"), store), []);
  assert.deepEqual(routeTargetWarnings(timeout("r", "s"), store), [
    "spec.to[1].targetRef: there is no such MeshHTTPRoute now, so this has no effect",
  ]);
});
