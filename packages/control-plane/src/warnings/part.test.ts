import assert from "node:assert/strict";
import { test } from "node:test";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { warningsFor } from "./warnings.ts";

const PROTOCOLS = ["http", "http2", "grpc", "tcp"];
const AT = "spec.to[0].default";

async function warned(type: string, targetRef: object, conf: object): Promise<readonly string[]> {
  const store = openMemoryStore({ now: () => 0 });
  const documents = [
    ...PROTOCOLS.map((name) => ({ name, ports: [{ port: 80, appProtocol: name }] })),
    {
      name: "both",
      ports: [
        { name: "web", port: 80, appProtocol: "http" },
        { name: "calls", port: 81, appProtocol: "grpc" },
      ],
    },
  ];
  for (const { name, ports } of documents) {
    const service = { type: "MeshService", mesh: "default", name, spec: { ports } };
    await store.write([{ op: "create", resource: stored(service, 1) }]);
  }
  const rules = [{ matches: [{}], default: {} }];
  const route = {
    type: "MeshHTTPRoute",
    mesh: "default",
    name: "seats",
    spec: { to: [{ targetRef: service("http"), rules }] },
  };
  await store.write([{ op: "create", resource: stored(route, 1) }]);
  const policy = { type, mesh: "default", name: "p", spec: { to: [{ targetRef, default: conf }] } };
  return warningsFor(stored(policy, 2), store, () => true);
}
const service = (name: string, sectionName?: string) => ({
  kind: "MeshService",
  name,
  ...(sectionName === undefined ? {} : { sectionName }),
});
const none = (part: string, name: string, speaks: string, own: string) =>
  `${AT}.${part}: MeshService "${name}" speaks ${speaks}, so it has no effect there; its part is ${own}`;

const http = { http: { numRetries: 1 } };
const grpc = { grpc: { numRetries: 1 } };
const tcp = { tcp: { maxConnectAttempt: 1 } };
const cases: readonly [
  about: string,
  type: string,
  target: object,
  conf: object,
  warnings: readonly string[],
][] = [
  ["retries by protocol", "MeshRetry", service("http"), http, []],
  ["… HTTP/2 is HTTP", "MeshRetry", service("http2"), http, []],
  ["… gRPC is not", "MeshRetry", service("grpc"), http, [none("http", "grpc", "grpc", "grpc")]],
  ["… nor is HTTP gRPC", "MeshRetry", service("http2"), grpc, [none("grpc", "http2", "http2", "http")]],
  ["… nor bytes", "MeshRetry", service("http"), tcp, [none("tcp", "http", "http", "http")]],
  ["one part that counts is enough", "MeshRetry", service("grpc"), { ...http, ...grpc, ...tcp }, []],
  ["a service of two protocols", "MeshRetry", service("both"), http, []],
  [
    "… and one port of it",
    "MeshRetry",
    service("both", "calls"),
    http,
    [none("http", "both", "grpc", "grpc")],
  ],
  ["the whole mesh", "MeshRetry", { kind: "Mesh" }, tcp, []],
  ["checks by protocol", "MeshHealthCheck", service("tcp"), { tcp: {} }, []],
  [
    "… bytes of HTTP",
    "MeshHealthCheck",
    service("http"),
    { tcp: {} },
    [
      `${AT}.tcp: MeshService "http" speaks http, so it has no effect there; its part is http, which may be disabled: true`,
    ],
  ],
  ["… in place of HTTP", "MeshHealthCheck", service("http"), { tcp: {}, http: { disabled: true } }, []],
  [
    "… in place of another",
    "MeshHealthCheck",
    service("grpc"),
    { tcp: {}, http: { disabled: true } },
    ["http", "tcp"].map(
      (part) =>
        `${AT}.${part}: MeshService "grpc" speaks grpc, so it has no effect there; its part is grpc, which may be disabled: true`,
    ),
  ],
  [
    "a connection has no headers",
    "MeshLoadBalancingStrategy",
    service("tcp"),
    { loadBalancer: { type: "Maglev" }, hashPolicies: [{ type: "Header", header: { name: "x" } }] },
    [
      `${AT}.hashPolicies: MeshService "tcp" speaks tcp only, where connections are told apart by Connection or FilterState, so they have no effect there`,
    ],
  ],
  [
    "… but it has a source",
    "MeshLoadBalancingStrategy",
    service("tcp"),
    {
      loadBalancer: { type: "Maglev" },
      hashPolicies: [
        { type: "Header", header: { name: "x" } },
        { type: "Connection", connection: { sourceIP: true } },
      ],
    },
    [],
  ],
  [
    "a route has no connections",
    "MeshTimeout",
    { kind: "MeshHTTPRoute", name: "seats" },
    {
      connectionTimeout: "1s",
      idleTimeout: "1s",
      http: {
        requestTimeout: "1s",
        streamIdleTimeout: "1s",
        maxStreamDuration: "1s",
        maxConnectionDuration: "1s",
        requestHeadersTimeout: "1s",
      },
    },
    [
      "connectionTimeout",
      "idleTimeout",
      "http.maxStreamDuration",
      "http.maxConnectionDuration",
      "http.requestHeadersTimeout",
    ].map(
      (path) =>
        `${AT}.${path}: holds for connections, which requests of several routes share, so it has no effect in a rule about a MeshHTTPRoute`,
    ),
  ],
  [
    "… nor attempts to connect",
    "MeshRetry",
    { kind: "MeshHTTPRoute", name: "seats" },
    { ...http, ...tcp },
    [
      `${AT}.tcp: holds for connections, which requests of several routes share, so it has no effect in a rule about a MeshHTTPRoute`,
    ],
  ],
];

for (const [about, type, target, conf, expected] of cases) {
  test(`what comes to nothing: ${type}, ${about}`, async () =>
    assert.deepEqual(await warned(type, target, conf), expected));
}
