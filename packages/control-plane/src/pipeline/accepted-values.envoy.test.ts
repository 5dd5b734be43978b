import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { isFragments } from "../xds/fragments.ts";
import { ENVOY } from "../xds/testing/envoy-process.ts";
import { fragmentJson } from "./config-dump.ts";
import { complaints } from "./testing/envoy-complaints.ts";
import { Documents, ZONE } from "./testing/resources.ts";
import { type GoldenConfig, staticBootstrap } from "./testing/static-bootstrap.ts";
import { World } from "./world.ts";

/*
 * What a policy's validation lets through, Envoy takes: values at the edge of what is allowed, and what several policies
 * make together. A value that Envoy refuses would keep a whole listener, cluster or route table from changing.
 */

const skip = existsSync(ENVOY) ? false : "no Envoy binary";
const PROTOCOLS = ["http", "http2", "grpc", "tcp"];

/** A proxy with an inbound of each protocol and an outbound to a service of each. */
const MESH = [
  { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } },
  {
    type: "Dataplane",
    mesh: "default",
    name: "web-1",
    labels: { app: "web" },
    networking: {
      address: "127.0.1.1",
      inbound: PROTOCOLS.map((protocol, i) => ({ name: protocol, port: 8080 + i, protocol })),
      outbound: PROTOCOLS.map((name, i) => ({
        port: 10_080 + i,
        backendRef: { kind: "MeshService", name, port: 80 },
      })),
    },
  },
  ...PROTOCOLS.map((name) => ({
    type: "MeshService",
    mesh: "default",
    name,
    spec: {
      selector: { dataplaneLabels: { matchLabels: { app: name } } },
      ports: [{ name: "main", port: 80, targetPort: 8080, appProtocol: name }],
    },
  })),
];

/** The configuration of the proxy under policies of one kind, named in the order in which they are given. */
function configUnder(type: string, specs: readonly object[]): GoldenConfig {
  const world = new World({ zone: ZONE });
  const policies = specs.map((spec, i) => ({ type, mesh: "default", name: `p${i}`, spec }));
  new Documents().put(world, ...MESH, ...policies);
  const config = world.mesh("default").config.at("web-1").get();
  assert.ok(config !== undefined);
  const entries = Object.entries(config).map(([name, resources]) => [
    name,
    isFragments(resources) ? [...resources.values()].map(fragmentJson) : resources,
  ]);
  return Object.fromEntries(entries) as GoldenConfig;
}

const WHOLE = { kind: "Mesh" };
const HTTP = { kind: "MeshService", name: "http" };
const to = (conf: object, targetRef: object = WHOLE) => ({ to: [{ targetRef, default: conf }] });
const rules = (conf: object) => ({
  targetRef: { kind: "Mesh", proxyTypes: ["Sidecar"] },
  rules: [{ default: conf }],
});
const route = (match: object, conf: object = {}) => ({
  to: [{ targetRef: HTTP, rules: [{ matches: [match], default: conf }] }],
});
const filtered = (...filters: object[]) => route({ path: { type: "PathPrefix", value: "/a" } }, { filters });
const rewrite = (path: object) => ({ type: "URLRewrite", urlRewrite: { path } });
const shares = (...weights: number[]) =>
  weights.map((weight, i) => ({ kind: "MeshService", name: PROTOCOLS[i], port: 80, weight }));
const MAX = 4_294_967_295;
const LONG = "2000000h";
const SHORT = "1ns";
const timeouts = (value: string) => ({
  connectionTimeout: value,
  idleTimeout: value,
  http: {
    requestTimeout: value,
    streamIdleTimeout: value,
    maxStreamDuration: value,
    maxConnectionDuration: value,
    requestHeadersTimeout: value,
  },
});
const ring = (ringHash: object) => ({ loadBalancer: { type: "RingHash", ringHash } });
/** Texts that Envoy would read as variables, or as the beginning of one; and variables. */
const TEXTS = [
  ...["100%", "%", "%%", "%FOO%", "%REQ()%", "%REQ(a?b?c)%", "%START_TIME(%Y)%", "%START_TIME(%n)%"],
  ...["50% of %REQ(x-id):5%", "%UPSTREAM_HOST:5%", "%FILTER_STATE(a:b)%", "%GRPC_STATUS(NAME)%"],
  "%CEL(request.path)% %FILTER_STATE(k:FIELD:f):9% %DYNAMIC_METADATA(a:b)% %GRPC_STATUS(NUMBER)%",
];
const named = TEXTS.map((value, i) => ({ name: `x-${i}`, value }));

const cases: readonly [about: string, type: string, ...specs: object[]][] = [
  ["the longest times", "MeshTimeout", to(timeouts(LONG)), rules(timeouts(LONG))],
  ["the shortest times", "MeshTimeout", to(timeouts(SHORT)), rules(timeouts(SHORT))],
  ["a longest pause below the usual first", "MeshRetry", to({ http: { backOff: { maxInterval: "10ms" } } })],
  ["… of gRPC", "MeshRetry", to({ grpc: { backOff: { maxInterval: "10ms" } } })],
  [
    "pauses of two policies that do not fit",
    "MeshRetry",
    to({ http: { backOff: { baseInterval: "10s" } } }),
    to({ http: { backOff: { maxInterval: "1s" } } }, HTTP),
  ],
  [
    "the highest counts",
    "MeshRetry",
    to({
      http: {
        numRetries: MAX,
        hostSelection: [{ predicate: "OmitPreviousPriorities", updateFrequency: 2_147_483_647 }],
        hostSelectionMaxAttempts: Number.MAX_SAFE_INTEGER,
      },
      tcp: { maxConnectAttempt: MAX },
    }),
  ],
  [
    "extreme detectors",
    "MeshCircuitBreaker",
    to({
      outlierDetection: {
        interval: SHORT,
        baseEjectionTime: "24h",
        detectors: {
          totalFailures: { consecutive: MAX },
          successRate: { standardDeviationFactor: "4294967" },
        },
      },
    }),
  ],
  [
    "headers of a check with percent signs",
    "MeshHealthCheck",
    to({ interval: LONG, timeout: SHORT, http: { requestHeadersToAdd: { set: named } }, tcp: {}, grpc: {} }),
  ],
  [
    "headers of a refusal with percent signs",
    "MeshRateLimit",
    rules({
      local: {
        http: {
          requestRate: { num: MAX, interval: LONG },
          onRateLimit: { headers: { set: named.slice(0, 5), add: named.slice(5, 10) } },
        },
        tcp: { connectionRate: { num: MAX, interval: "50001us" } },
      },
    }),
  ],
  [
    "headers of a refusal from two policies",
    "MeshRateLimit",
    ...(["set", "add"] as const).map((list) =>
      rules({
        local: {
          http: {
            requestRate: { num: 1, interval: "1s" },
            onRateLimit: {
              headers: { [list]: Array.from({ length: 9 }, (_, i) => ({ name: `x-${i}`, value: "%" })) },
            },
          },
        },
      }),
    ),
  ],
  [
    "faults at the edges",
    "MeshFaultInjection",
    {
      rules: [
        {
          default: {
            http: [
              { delay: { value: SHORT, percentage: "0.00001" } },
              { delay: { value: LONG, percentage: 100 } },
              { abort: { httpStatus: 599, percentage: "33.333333" } },
              { responseBandwidth: { limit: "18446744073709551615kbps", percentage: 1 } },
            ],
          },
        },
      ],
    },
  ],
  [
    "ring sizes of two policies that do not fit",
    "MeshLoadBalancingStrategy",
    to(ring({ minRingSize: 5000 })),
    to(ring({ maxRingSize: 10 }), HTTP),
  ],
  [
    "a cookie for the session",
    "MeshLoadBalancingStrategy",
    to({
      ...ring({}),
      hashPolicies: [{ type: "Cookie", cookie: { name: "seat", ttl: "0s", path: "/" } }],
    }),
  ],
  ["shares of 32 bits", "MeshHTTPRoute", route({}, { backendRefs: shares(MAX - 1, 1) })],
  [
    "headers with percent signs",
    "MeshHTTPRoute",
    filtered({ type: "RequestHeaderModifier", requestHeaderModifier: { set: named } }),
  ],
  [
    "two rewrites",
    "MeshHTTPRoute",
    filtered(
      rewrite({ type: "ReplacePrefixMatch", replacePrefixMatch: "/b" }),
      rewrite({ type: "ReplaceFullPath", replaceFullPath: "/c" }),
    ),
  ],
  [
    "… the other way round",
    "MeshHTTPRoute",
    filtered(
      rewrite({ type: "ReplaceFullPath", replaceFullPath: "/c" }),
      rewrite({ type: "ReplacePrefixMatch", replacePrefixMatch: "/b" }),
    ),
  ],
  [
    "empty values",
    "MeshHTTPRoute",
    route({
      headers: [
        { name: "x", value: "" },
        { name: "y", type: "Prefix", value: "" },
      ],
      queryParams: [{ name: "q", type: "Exact", value: "" }],
    }),
  ],
  [
    "connections of 32 bits",
    "MeshTCPRoute",
    {
      to: [
        {
          targetRef: { kind: "MeshService", name: "tcp" },
          rules: [{ default: { backendRefs: shares(MAX - 1, 1) } }],
        },
      ],
    },
  ],
];

for (const [about, type, ...specs] of cases) {
  test(`Envoy takes what is allowed: ${type}, ${about}`, { skip }, async () => {
    assert.equal(await complaints(staticBootstrap("web-1", configUnder(type, specs))), "");
  });
}
