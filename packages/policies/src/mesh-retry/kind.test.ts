import assert from "node:assert/strict";
import { test } from "node:test";
import { problems, valid } from "../testing/resources.ts";
import { meshRetryKind } from "./kind.ts";

const AT = "spec.to[0].default";
const to = (conf: unknown) => ({ to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
const http = (value: object) => to({ http: value });

const limits = (at: string, section: (value: object) => unknown): readonly Case[] => [
  ["numRetries: 0", section({ numRetries: 0 }), []],
  ["numRetries: -1", section({ numRetries: -1 }), [`${at}.numRetries`]],
  ["perTryTimeout: 0s", section({ perTryTimeout: "0s" }), [`${at}.perTryTimeout`]],
  ["backOff: {}", section({ backOff: {} }), [`${at}.backOff`]],
  ["backOff with one end", section({ backOff: { maxInterval: "1s" } }), []],
  [
    "the longest pause before the first",
    section({ backOff: { baseInterval: "2s", maxInterval: "1s" } }),
    [`${at}.backOff.maxInterval`],
  ],
  ["all pauses alike", section({ backOff: { baseInterval: "2s", maxInterval: "2s" } }), []],
  ["baseInterval: 0s", section({ backOff: { baseInterval: "0s" } }), [`${at}.backOff.baseInterval`]],
  ["maxInterval: 0s", section({ backOff: { maxInterval: "0s" } }), [`${at}.backOff.maxInterval`]],
  [
    "rateLimitedBackOff without headers",
    section({ rateLimitedBackOff: { maxInterval: "1s" } }),
    [`${at}.rateLimitedBackOff.resetHeaders`],
  ],
  [
    "rateLimitedBackOff.maxInterval: 0s",
    section({
      rateLimitedBackOff: { maxInterval: "0s", resetHeaders: [{ name: "retry-after", format: "Seconds" }] },
    }),
    [`${at}.rateLimitedBackOff.maxInterval`],
  ],
  [
    "a reset header with a name that no header has",
    section({ rateLimitedBackOff: { resetHeaders: [{ name: "retry after", format: "Seconds" }] } }),
    [`${at}.rateLimitedBackOff.resetHeaders[0].name`],
  ],
  [
    "a reset header in an unknown format",
    section({ rateLimitedBackOff: { resetHeaders: [{ name: "retry-after", format: "Minutes" }] } }),
    [`${at}.rateLimitedBackOff.resetHeaders[0].format`],
  ],
];

type Case = readonly [about: string, spec: unknown, fields: readonly string[]];

const cases: readonly Case[] = [
  ["nothing", to({}), [AT]],
  ["tcp: {}", to({ tcp: {} }), [`${AT}.tcp`]],
  ["http: {}", to({ http: {} }), [`${AT}.http`]],
  ["grpc: {}", to({ grpc: {} }), [`${AT}.grpc`]],
  ["maxConnectAttempt: 0", to({ tcp: { maxConnectAttempt: 0 } }), [`${AT}.tcp.maxConnectAttempt`]],
  ["maxConnectAttempt: 1", to({ tcp: { maxConnectAttempt: 1 } }), []],
  ["hostSelectionMaxAttempts alone", http({ hostSelectionMaxAttempts: 1 }), [`${AT}.http`]],
  ["retryOn: []", http({ retryOn: [] }), []],
  ["5xx", http({ retryOn: ["5xx", "GatewayError", "HttpMethodGet", "503"] }), []],
  ["5XX in capitals", http({ retryOn: ["5XX"] }), [`${AT}.http.retryOn[0]`]],
  ["Envoy's own spelling", http({ retryOn: ["gateway-error"] }), [`${AT}.http.retryOn[0]`]],
  ["a status code that is none", http({ retryOn: ["600"] }), [`${AT}.http.retryOn[0]`]],
  [
    "a method that is none",
    http({ retryOn: ["HttpMethodGet", "HttpMethodFetch"] }),
    [`${AT}.http.retryOn[1]`],
  ],
  [
    "gRPC conditions",
    to({
      grpc: { retryOn: ["Canceled", "DeadlineExceeded", "Internal", "ResourceExhausted", "Unavailable"] },
    }),
    [],
  ],
  ["a gRPC condition in http", http({ retryOn: ["Unavailable"] }), [`${AT}.http.retryOn[0]`]],
  ["cancelled with two l", to({ grpc: { retryOn: ["Cancelled"] } }), [`${AT}.grpc.retryOn[0]`]],
  ["a status code in grpc", to({ grpc: { retryOn: ["503"] } }), [`${AT}.grpc.retryOn[0]`]],
  [
    "headers of every type",
    http({
      retriableResponseHeaders: ["Exact", "Prefix", "RegularExpression"].map((type) => ({
        name: "x",
        type,
        value: "v",
      })),
      retriableRequestHeaders: [
        { name: "x", type: "Present" },
        { name: "y", type: "Absent" },
      ],
    }),
    [],
  ],
  [
    "a header without a name",
    http({ retriableRequestHeaders: [{ value: "v" }] }),
    [`${AT}.http.retriableRequestHeaders[0].name`],
  ],
  ...["retriableRequestHeaders", "retriableResponseHeaders"].flatMap((list): readonly Case[] => {
    const header = (match: object) => http({ [list]: [{ name: "ok", value: "v" }, match] });
    const one = `${AT}.http.${list}[1]`;
    return [
      [`${list}: a name that no header has`, header({ name: "x y", value: "v" }), [`${one}.name`]],
      [`${list}: no value`, header({ name: "x" }), [`${one}.value`]],
      [
        `${list}: a value that is not looked at`,
        header({ name: "x", type: "Present", value: "v" }),
        [`${one}.value`],
      ],
      [
        `${list}: no expression`,
        header({ name: "x", type: "RegularExpression", value: "(" }),
        [`${one}.value`],
      ],
      [
        `${list}: an empty expression`,
        header({ name: "x", type: "RegularExpression", value: "" }),
        [`${one}.value`],
      ],
    ];
  }),
  [
    "OmitHostsWithTags without tags",
    http({ hostSelection: [{ predicate: "OmitHostsWithTags" }] }),
    [`${AT}.http.hostSelection[0].tags`],
  ],
  ["OmitHostsWithTags", http({ hostSelection: [{ predicate: "OmitHostsWithTags", tags: { a: "b" } }] }), []],
  [
    "OmitPreviousPriorities twice",
    http({
      hostSelection: [{ predicate: "OmitPreviousPriorities" }, { predicate: "OmitPreviousPriorities" }],
    }),
    [`${AT}.http.hostSelection`],
  ],
  [
    "updateFrequency: 0",
    http({ hostSelection: [{ predicate: "OmitPreviousPriorities", updateFrequency: 0 }] }),
    [`${AT}.http.hostSelection[0].updateFrequency`],
  ],
  [
    "more priorities than Envoy counts",
    http({ hostSelection: [{ predicate: "OmitPreviousPriorities", updateFrequency: 2 ** 31 }] }),
    [`${AT}.http.hostSelection[0].updateFrequency`],
  ],
  [
    "an unknown predicate",
    http({ hostSelection: [{ predicate: "Omit" }] }),
    [`${AT}.http.hostSelection[0].predicate`],
  ],
  ...limits(`${AT}.http`, http).map(([about, ...rest]): Case => [`http: ${about}`, ...rest]),
  ...limits(`${AT}.grpc`, (value) => to({ grpc: value })).map(
    ([about, ...rest]): Case => [`grpc: ${about}`, ...rest],
  ),
];

for (const [about, spec, fields] of cases) {
  test(`MeshRetry: ${about}`, () => {
    const lines = problems(meshRetryKind, spec);
    assert.deepEqual(
      lines.map((line) => line.split(": ")[0]),
      fields,
      lines.join("\n"),
    );
  });
}

test("MeshRetry: what is left out has Kuma's defaults", () => {
  const { spec } = valid(
    meshRetryKind,
    http({
      retriableRequestHeaders: [{ name: "x", value: "v" }],
      hostSelection: [{ predicate: "OmitPreviousPriorities" }],
    }),
  );
  assert.deepEqual(spec.to?.[0]?.default, {
    http: {
      retriableRequestHeaders: [{ name: "x", type: "Exact", value: "v" }],
      hostSelection: [{ predicate: "OmitPreviousPriorities", updateFrequency: 2 }],
    },
  });
});
