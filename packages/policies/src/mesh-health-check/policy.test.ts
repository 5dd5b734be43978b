import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  Cluster_CommonLbConfigSchema,
  Cluster_CommonLbConfig_LocalityWeightedLbConfigSchema as LocalityWeightedSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import type { Protocol } from "../plan/destination-plan.ts";
import { draftJson, outboundDraft } from "../testing/drafts.ts";
import { destination, PROTOCOLS, valid } from "../testing/resources.ts";
import { meshHealthCheck } from "./policy.ts";

type Json = Readonly<Record<string, unknown>>;

function clusterFor(protocol: Protocol, conf: unknown, prepare: (draft: Draft) => void = () => {}): Json {
  const policy = valid(meshHealthCheck.kind, { to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
  const draft = outboundDraft(protocol);
  prepare(draft);
  const plan = meshHealthCheck.planOutbound?.({
    policies: [policy],
    destination: destination({ protocol }),
    routes: [],
  });
  meshHealthCheck.translateOutbound?.(plan, draft);
  return draftJson(draft).cluster as Json;
}
type Draft = ReturnType<typeof outboundDraft>;

const check = (protocol: Protocol, conf: unknown): Json | undefined =>
  (clusterFor(protocol, conf).healthChecks as readonly Json[] | undefined)?.[0];
const asked = (protocol: Protocol, conf: unknown): string =>
  Object.keys(check(protocol, conf) ?? {}).find((key) => key.endsWith("HealthCheck")) ?? "nothing";

test("no policy: instances are not asked", () => {
  const draft = outboundDraft();
  meshHealthCheck.translateOutbound?.(undefined, draft);
  assert.deepEqual(draftJson(draft).cluster, { name: "c" });
});

test("what holds where nothing is said", () => {
  assert.deepEqual(clusterFor("http", { http: {} }), {
    name: "c",
    healthChecks: [
      {
        interval: "60s",
        timeout: "15s",
        unhealthyThreshold: 5,
        healthyThreshold: 1,
        // HTTP/1, which is what Envoy speaks where nothing is said.
        httpHealthCheck: { path: "/" },
      },
    ],
    ignoreHealthOnHostRemoval: true,
  });
});

const ALL = { http: {}, grpc: {}, tcp: {} };
const OFF = { disabled: true };
const questions: readonly [about: string, conf: object, byProtocol: readonly string[]][] = [
  ["each its own", ALL, ["tcp", "http", "http", "grpc"]],
  ["only tcp", { tcp: {} }, ["tcp", "nothing", "nothing", "nothing"]],
  ["only http", { http: {} }, ["nothing", "http", "http", "nothing"]],
  ["only grpc", { grpc: {} }, ["nothing", "nothing", "nothing", "grpc"]],
  ["http disabled", { ...ALL, http: OFF }, ["tcp", "tcp", "tcp", "grpc"]],
  ["grpc disabled", { ...ALL, grpc: OFF }, ["tcp", "http", "http", "tcp"]],
  ["tcp disabled", { ...ALL, tcp: OFF }, ["nothing", "http", "http", "grpc"]],
  ["nothing to fall back to", { http: OFF, grpc: OFF }, ["nothing", "nothing", "nothing", "nothing"]],
  ["all disabled", { http: OFF, grpc: OFF, tcp: OFF }, ["nothing", "nothing", "nothing", "nothing"]],
];
for (const [about, conf, expected] of questions) {
  test(`what instances are asked: ${about}`, () => {
    assert.deepEqual(
      PROTOCOLS.map((protocol) => asked(protocol, conf).replace("HealthCheck", "")),
      expected,
    );
  });
}

test("every field", () => {
  const conf = {
    interval: "10s",
    timeout: "500ms",
    unhealthyThreshold: 3,
    healthyThreshold: 2,
    initialJitter: "5s",
    intervalJitter: "6s",
    intervalJitterPercent: 10,
    eventLogPath: "/tmp/log.txt",
    alwaysLogHealthCheckFailures: true,
    noTrafficInterval: "20s",
    reuseConnection: false,
    http: { path: "/health", expectedStatuses: [200, 204] },
  };
  assert.deepEqual(check("http2", conf), {
    interval: "10s",
    timeout: "0.500s",
    unhealthyThreshold: 3,
    healthyThreshold: 2,
    initialJitter: "5s",
    intervalJitter: "6s",
    intervalJitterPercent: 10,
    noTrafficInterval: "20s",
    reuseConnection: false,
    alwaysLogHealthCheckFailures: true,
    eventLogger: [
      {
        name: "envoy.health_check.event_sinks.file",
        typedConfig: {
          "@type":
            "type.googleapis.com/envoy.extensions.health_check.event_sinks.file.v3.HealthCheckEventFileSink",
          eventLogPath: "/tmp/log.txt",
        },
      },
    ],
    httpHealthCheck: {
      path: "/health",
      codecClientType: "HTTP2",
      expectedStatuses: [
        { start: "200", end: "201" },
        { start: "204", end: "205" },
      ],
    },
  });
});

test("headers: a list is several, and only the first of a set replaces", () => {
  const conf = {
    http: {
      requestHeadersToAdd: {
        set: [{ name: "x-set", value: "1, 2" }],
        add: [{ name: "x-add", value: "3,4" }],
      },
    },
  };
  const checked = clusterFor("http", conf, (draft) => draft.requestHeaders.set("x-caller", "web"));
  const [first] = checked.healthChecks as readonly { readonly httpHealthCheck: Json }[];
  const header = (key: string, value: string, appendAction?: string) =>
    appendAction === undefined ? { header: { key, value } } : { header: { key, value }, appendAction };
  assert.deepEqual(first?.httpHealthCheck.requestHeadersToAdd, [
    header("x-caller", "web", "OVERWRITE_IF_EXISTS_OR_ADD"),
    header("x-set", "1", "OVERWRITE_IF_EXISTS_OR_ADD"),
    header("x-set", "2"),
    header("x-add", "3"),
    header("x-add", "4"),
  ]);
});

test("bytes of a TCP check are those of the text", () => {
  assert.deepEqual(check("tcp", { tcp: { send: "PING\r\n", receive: ["+PONG", "é"] } })?.tcpHealthCheck, {
    send: { text: "50494e470d0a" },
    receive: [{ text: "2b504f4e47" }, { text: "c3a9" }],
  });
  assert.deepEqual(check("tcp", { tcp: { send: "", receive: [] } })?.tcpHealthCheck, {});
});

test("gRPC: service and authority", () => {
  assert.deepEqual(
    check("grpc", { grpc: { serviceName: "airline.Flights", authority: "flights" } })?.grpcHealthCheck,
    {
      serviceName: "airline.Flights",
      authority: "flights",
    },
  );
});

test("panic: the threshold, and failing instead", () => {
  assert.deepEqual(clusterFor("http", { http: {}, healthyPanicThreshold: "62.5" }).commonLbConfig, {
    healthyPanicThreshold: { value: 62.5 },
  });
  assert.deepEqual(clusterFor("http", { http: {}, failTrafficOnPanic: true }).commonLbConfig, {
    zoneAwareLbConfig: { failTrafficOnPanic: true },
  });
  assert.equal(clusterFor("http", { http: {}, failTrafficOnPanic: false }).commonLbConfig, undefined);
});

test("beside locality weights nobody is called in panic either", () => {
  const weighted = (draft: Draft) => {
    draft.cluster.commonLbConfig = create(Cluster_CommonLbConfigSchema, {
      localityConfigSpecifier: {
        case: "localityWeightedLbConfig",
        value: create(LocalityWeightedSchema),
      },
    });
  };
  assert.deepEqual(clusterFor("http", { http: {}, failTrafficOnPanic: true }, weighted).commonLbConfig, {
    localityWeightedLbConfig: {},
    healthyPanicThreshold: {},
  });
  const own = { http: {}, failTrafficOnPanic: true, healthyPanicThreshold: 20 };
  assert.deepEqual(clusterFor("http", own, weighted).commonLbConfig, {
    localityWeightedLbConfig: {},
    healthyPanicThreshold: { value: 20 },
  });
});

test("a narrower rule changes what it names, and each field knows its rule", () => {
  const policies = [
    valid(
      meshHealthCheck.kind,
      { to: [{ targetRef: { kind: "Mesh" }, default: { interval: "1s", timeout: "2s", http: {} } }] },
      { name: "all" },
    ),
    valid(
      meshHealthCheck.kind,
      {
        to: [{ targetRef: { kind: "MeshService", name: "backend" }, default: { interval: "3s", tcp: {} } }],
      },
      { name: "backend" },
    ),
  ];
  const plan = meshHealthCheck.planOutbound?.({ policies, destination: destination(), routes: [] });
  assert.deepEqual(plan?.conf, { interval: "3s", timeout: "2s", http: {}, tcp: {} });
  assert.deepEqual(
    Object.entries(plan?.origins ?? {})
      .map(([field, { policy }]) => `${field} ${policy.split("_").at(-2)}`)
      .sort(),
    ["http all", "interval backend", "tcp backend", "timeout all"],
  );
});
