import assert from "node:assert/strict";
import { test } from "node:test";
import { problems, valid } from "../testing/resources.ts";
import { meshTimeoutKind } from "./kind.ts";

const MESH = { kind: "Mesh" };
const ROUTE = { kind: "MeshHTTPRoute", name: "r" };
const ID = { spiffeID: { type: "Exact", value: "spiffe://td/a" } };
const SNI = { sni: { type: "Exact", value: "a.mesh" } };
const to = (conf: unknown) => ({ to: [{ targetRef: MESH, default: conf }] });
const rules = (conf: unknown, ...matches: unknown[]) => ({ rules: [{ matches, default: conf }] });
const AT = "spec.to[0].default";

const cases: readonly [about: string, spec: unknown, problems: readonly string[]][] = [
  [
    "every field",
    to({
      connectionTimeout: "5s",
      idleTimeout: "0s",
      http: {
        requestTimeout: "0s",
        streamIdleTimeout: "0s",
        maxStreamDuration: "0s",
        maxConnectionDuration: "0s",
        requestHeadersTimeout: "0s",
      },
    }),
    [],
  ],
  ["nothing", to({}), [`${AT}: at least one timeout should be configured`]],
  [
    "a connection timeout of zero",
    to({ connectionTimeout: "0s" }),
    [`${AT}.connectionTimeout: must be greater than 0`],
  ],
  [
    "a negative idle timeout",
    to({ idleTimeout: "-1s" }),
    [`${AT}.idleTimeout: must not be negative when defined`],
  ],
  [
    "a negative request timeout",
    to({ http: { requestTimeout: "-1s" } }),
    [`${AT}.http.requestTimeout: must not be negative when defined`],
  ],
  [
    "nothing in http",
    to({ http: {} }),
    [
      `${AT}.http: must have at least one defined: requestTimeout, streamIdleTimeout, maxStreamDuration, maxConnectionDuration`,
    ],
  ],
  [
    "the headers timeout alone",
    to({ http: { requestHeadersTimeout: "1s" } }),
    [
      `${AT}.http: must have at least one defined: requestTimeout, streamIdleTimeout, maxStreamDuration, maxConnectionDuration`,
    ],
  ],
  [
    "not a duration",
    to({ idleTimeout: "5" }),
    [`${AT}.idleTimeout: must be a duration such as 500ms, 15s, 5m or 1h30m`],
  ],
  [
    "a number",
    to({ idleTimeout: 5 }),
    [`${AT}.idleTimeout: must be a string, not a number; put it in quotes`],
  ],
  [
    "an unknown field",
    to({ idelTimeout: "5s" }),
    [
      `${AT}.idelTimeout: unknown field, did you mean \`idleTimeout\`?`,
      `${AT}: at least one timeout should be configured`,
    ],
  ],
  ["a rule for a caller", rules({ http: { requestTimeout: "1s", streamIdleTimeout: "1s" } }, ID), []],
  ["a rule for a server name, with connection time-outs", rules({ connectionTimeout: "1s" }, SNI), []],
  [
    "a match for nobody",
    rules({ idleTimeout: "1s" }, {}),
    ["spec.rules[0].matches[0]: at least one of spiffeID or sni must be set"],
  ],
  [
    "a match by a prefix that ends with a slash",
    rules({ http: { requestTimeout: "1s" } }, { spiffeID: { type: "Prefix", value: "spiffe://td/a/" } }),
    ["spec.rules[0].matches[0].spiffeID.value: path cannot have empty segments or end with '/'"],
  ],
];

for (const [about, spec, expected] of cases) {
  test(`MeshTimeout: ${about}`, () => assert.deepEqual(problems(meshTimeoutKind, spec), expected));
}

const ALL = {
  connectionTimeout: "1s",
  idleTimeout: "1s",
  http: {
    requestTimeout: "1s",
    streamIdleTimeout: "1s",
    maxStreamDuration: "1s",
    maxConnectionDuration: "1s",
    requestHeadersTimeout: "1s",
  },
};

test("what belongs to a connection cannot depend on the caller", () => {
  const fields = problems(meshTimeoutKind, rules(ALL, SNI, ID)).map((line) => line.split(":")[0]);
  assert.deepEqual(
    fields,
    [
      "connectionTimeout",
      "idleTimeout",
      "http.maxStreamDuration",
      "http.maxConnectionDuration",
      "http.requestHeadersTimeout",
    ].map((name) => `spec.rules[0].default.${name}`),
  );
});

test("what belongs to a connection cannot depend on the route", () => {
  const fields = problems(meshTimeoutKind, { targetRef: ROUTE, ...to(ALL) }).map(
    (line) => line.split(":")[0],
  );
  assert.deepEqual(
    fields,
    ["connectionTimeout", "idleTimeout", "http.maxStreamDuration", "http.maxConnectionDuration"].map(
      (name) => `${AT}.${name}`,
    ),
  );
});

test("durations are stored in Go's form", () => {
  const { spec } = valid(meshTimeoutKind, to({ idleTimeout: "60m" }));
  assert.deepEqual(spec.to?.[0]?.default, { idleTimeout: "1h0m0s" });
});
