import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problems, valid } from "../testing/resources.ts";
import { meshHealthCheckKind } from "./kind.ts";

const AT = "spec.to[0].default";
const to = (conf: unknown, targetRef: unknown = { kind: "Mesh" }) => ({ to: [{ targetRef, default: conf }] });
const http = (conf: object) => to({ http: conf });
const POSITIVE = "must be greater than 0";

const cases: readonly [about: string, spec: unknown, problems: readonly (string | RegExp)[]][] = [
  [
    "every field",
    to({
      interval: "10s",
      timeout: "2s",
      unhealthyThreshold: 3,
      healthyThreshold: 1,
      initialJitter: "5s",
      intervalJitter: "6s",
      intervalJitterPercent: 10,
      healthyPanicThreshold: "62.5",
      failTrafficOnPanic: true,
      eventLogPath: "/tmp/log.txt",
      alwaysLogHealthCheckFailures: true,
      noTrafficInterval: "10s",
      reuseConnection: false,
      http: {
        disabled: false,
        path: "/health",
        expectedStatuses: [100, 200, 599],
        requestHeadersToAdd: {
          set: [{ name: "x-set", value: "1,2" }],
          add: [{ name: "x-add", value: "" }],
        },
      },
      tcp: { disabled: true, send: "PING", receive: ["PONG", "OK"] },
      grpc: { disabled: false, serviceName: "s", authority: "a" },
    }),
    [],
  ],
  ["nothing to ask", to({ interval: "1s" }), [`${AT}: must have at least one defined: http, tcp, grpc`]],
  ...["http", "tcp", "grpc"].map((name): [string, unknown, readonly string[]] => [
    `an empty ${name}`,
    to({ [name]: {} }),
    [],
  ]),
  ...["interval", "timeout", "initialJitter", "intervalJitter", "noTrafficInterval"].flatMap(
    (name): readonly [string, unknown, readonly (string | RegExp)[]][] => [
      [`${name}: 0s`, to({ http: {}, [name]: "0s" }), [`${AT}.${name}: ${POSITIVE}`]],
      [
        `${name}: soon`,
        to({ http: {}, [name]: "soon" }),
        [new RegExp(`^spec\\.to\\[0\\]\\.default\\.${name}: `)],
      ],
    ],
  ),
  ...["unhealthyThreshold", "healthyThreshold"].map((name): [string, unknown, readonly string[]] => [
    `${name}: 0`,
    to({ http: {}, [name]: 0 }),
    [`${AT}.${name}: ${POSITIVE}`],
  ]),
  [
    "intervalJitterPercent: 101",
    to({ http: {}, intervalJitterPercent: 101 }),
    [`${AT}.intervalJitterPercent: must be in inclusive range [0, 100]`],
  ],
  [
    "healthyPanicThreshold: 101",
    to({ http: {}, healthyPanicThreshold: 101 }),
    [`${AT}.healthyPanicThreshold: must be in inclusive range [0, 100]`],
  ],
  [
    "a log that is no absolute path",
    to({ http: {}, eventLogPath: "log.txt" }),
    [`${AT}.eventLogPath: must be the absolute path of a file, such as /tmp/health-checks.log`],
  ],
  ["an empty path", http({ path: "" }), [`${AT}.http.path: must not be empty; leave it out to ask for /`]],
  [
    "status 99",
    http({ expectedStatuses: [200, 99] }),
    [`${AT}.http.expectedStatuses[1]: must be in inclusive range [100, 599]`],
  ],
  [
    "status 600",
    http({ expectedStatuses: [600] }),
    [`${AT}.http.expectedStatuses[0]: must be in inclusive range [100, 599]`],
  ],
  [
    "a header with capitals",
    http({ requestHeadersToAdd: { set: [{ name: "X-Set", value: "1" }] } }),
    [`${AT}.http.requestHeadersToAdd.set[0].name: must be a header name in lower case`],
  ],
  [
    "the host header",
    http({ requestHeadersToAdd: { set: [{ name: "host", value: "a.example" }] } }),
    [`${AT}.http.requestHeadersToAdd.set[0].name: host cannot be changed here`],
  ],
  [
    "a header of two lines",
    http({ requestHeadersToAdd: { add: [{ name: "x", value: "a\nb" }] } }),
    [`${AT}.http.requestHeadersToAdd.add[0].value: must be one line`],
  ],
  ["a path of two lines", http({ path: "/a\nb" }), [`${AT}.http.path: must be one line`]],
  [
    "an authority of two lines",
    to({ grpc: { authority: "a\nb" } }),
    [`${AT}.grpc.authority: must be one line`],
  ],
  [
    "too many headers",
    http({
      requestHeadersToAdd: { add: Array.from({ length: 17 }, (_, i) => ({ name: `x-${i}`, value: "1" })) },
    }),
    [/^spec\.to\[0\]\.default\.http\.requestHeadersToAdd\.add: /],
  ],
  [
    "interval inside http, where a guide has it",
    http({ interval: "1s" }),
    [/^spec\.to\[0\]\.default\.http\.interval: unknown field/],
  ],
  ["external services", to({ http: {} }, { kind: "MeshExternalService", name: "pay" }), []],
  [
    "one route",
    to({ http: {} }, { kind: "MeshHTTPRoute", name: "r" }),
    [
      "spec.to[0].targetRef.kind: value is not supported, must be one of Mesh, MeshService, MeshExternalService, MeshMultiZoneService",
    ],
  ],
  ["callers", { from: [] }, ["spec.from: unknown field"]],
  ["no entry at all", {}, []],
];

for (const [about, spec, expected] of cases) {
  test(`MeshHealthCheck: ${about}`, () => {
    const lines = problems(meshHealthCheckKind, spec);
    assert.equal(lines.length, expected.length, lines.join("\n"));
    for (const [i, want] of expected.entries()) {
      if (typeof want === "string") assert.equal(lines[i], want);
      else assert.match(lines[i] ?? "", want);
    }
  });
}

const warnings = (conf: unknown): readonly string[] => parse(meshHealthCheckKind, to(conf)).warnings;

test("what is deprecated is said", () => {
  valid(meshHealthCheckKind, to({ http: {}, healthyPanicThreshold: 10 }));
  assert.deepEqual(warnings({ http: {}, healthyPanicThreshold: 10 }), [
    `${AT}.healthyPanicThreshold is deprecated; use outlierDetection.healthyPanicThreshold of a MeshCircuitBreaker instead`,
  ]);
  assert.deepEqual(warnings({ http: {} }), []);
});

test("a text that seems to be encoded is told apart from a command", () => {
  assert.deepEqual(warnings({ tcp: { send: "PING", receive: ["PONG", "+OK", "cG9uZw=="] } }), [
    `${AT}.tcp.receive[2] looks like base64; it is not decoded: write the text as it is on the wire`,
  ]);
});
