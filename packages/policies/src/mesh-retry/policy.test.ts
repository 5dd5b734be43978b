import assert from "node:assert/strict";
import { test } from "node:test";
import type { Protocol } from "../plan/destination-plan.ts";
import { draftJson, outboundDraft } from "../testing/drafts.ts";
import { destination, valid } from "../testing/resources.ts";
import { meshRetry } from "./policy.ts";

const HTTP_DEFAULT = "gateway-error,connect-failure,refused-stream";

function draftFor(protocol: Protocol, conf: unknown): Record<string, unknown> {
  const policy = valid(meshRetry.kind, { to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
  const draft = outboundDraft(protocol);
  meshRetry.translateOutbound?.(
    meshRetry.planOutbound?.({ policies: [policy], destination: destination({ protocol }), routes: [] }),
    draft,
  );
  return draftJson(draft);
}
const retryPolicy = (protocol: Protocol, conf: unknown) =>
  (draftFor(protocol, conf).route as { readonly retryPolicy?: Record<string, unknown> }).retryPolicy;
const http = (conf: object) => retryPolicy("http", { http: conf });
const grpc = (conf: object) => retryPolicy("grpc", { grpc: conf });

test("no policy: nothing is retried", () => {
  const draft = outboundDraft();
  meshRetry.translateOutbound?.(undefined, draft);
  assert.deepEqual(draftJson(draft).route, {});
});

const BOTH = { http: { numRetries: 1 }, grpc: { numRetries: 2 }, tcp: { maxConnectAttempt: 3 } };

test("each protocol takes its own part", () => {
  assert.equal(retryPolicy("http", BOTH)?.numRetries, 1);
  assert.equal(retryPolicy("grpc", BOTH)?.numRetries, 2);
  assert.deepEqual(draftFor("tcp", BOTH).tcp, { maxConnectAttempts: 3 });
});

test("an HTTP/2 service is HTTP, which the peer forgets", () => {
  assert.equal(retryPolicy("http2", BOTH)?.numRetries, 1);
});

test("no retries means no policy", () => {
  assert.equal(http({ numRetries: 0, retryOn: ["5xx"] }), undefined);
  assert.equal(grpc({ numRetries: 0 }), undefined);
  assert.equal(retryPolicy("http", { grpc: { numRetries: 1 } }), undefined);
});

const conditions: readonly [given: readonly string[], expected: Record<string, unknown>][] = [
  [[], { retryOn: HTTP_DEFAULT }],
  [["5xx"], { retryOn: "5xx" }],
  [
    [
      "GatewayError",
      "Reset",
      "Retriable4xx",
      "ConnectFailure",
      "EnvoyRatelimited",
      "RefusedStream",
      "Http3PostConnectFailure",
    ],
    {
      retryOn:
        "gateway-error,reset,retriable-4xx,connect-failure,envoy-ratelimited,refused-stream,http3-post-connect-failure",
    },
  ],
  [["503"], { retryOn: `${HTTP_DEFAULT},retriable-status-codes`, retriableStatusCodes: [503] }],
  [["5xx", "429", "409"], { retryOn: "5xx,retriable-status-codes", retriableStatusCodes: [429, 409] }],
  [
    ["HttpMethodGet", "HttpMethodPatch"],
    {
      retryOn: HTTP_DEFAULT,
      retriableRequestHeaders: ["GET", "PATCH"].map((exact) => ({ name: ":method", stringMatch: { exact } })),
    },
  ],
];

for (const [given, expected] of conditions) {
  test(`retryOn ${given.join(",") || "left empty"} in http`, () => {
    assert.deepEqual(http({ retryOn: given }), expected);
  });
}

test("retryOn in grpc, in Envoy's spelling", () => {
  assert.equal(
    grpc({ retryOn: ["Canceled", "DeadlineExceeded", "Internal", "ResourceExhausted", "Unavailable"] })
      ?.retryOn,
    "cancelled,deadline-exceeded,internal,resource-exhausted,unavailable",
  );
  assert.equal(
    grpc({ numRetries: 1 })?.retryOn,
    "cancelled,connect-failure,gateway-error,refused-stream,reset,resource-exhausted,unavailable",
  );
});

test("limits and back-off", () => {
  const limits = {
    numRetries: 5,
    perTryTimeout: "16s",
    backOff: { baseInterval: "25ms", maxInterval: "250ms" },
  };
  const expected = {
    numRetries: 5,
    perTryTimeout: "16s",
    retryBackOff: { baseInterval: "0.025s", maxInterval: "0.250s" },
  };
  assert.deepEqual(http(limits), { retryOn: HTTP_DEFAULT, ...expected });
  assert.deepEqual({ ...grpc(limits), retryOn: undefined }, { retryOn: undefined, ...expected });
});

test("Envoy wants a base interval where there is a longest one", () => {
  const backOff = { maxInterval: "1s" };
  for (const policy of [http({ backOff }), grpc({ backOff })]) {
    assert.deepEqual(policy?.retryBackOff, { baseInterval: "0.025s", maxInterval: "1s" });
  }
});

test("back-off that the server asks for", () => {
  const rateLimitedBackOff = {
    maxInterval: "10s",
    resetHeaders: [
      { name: "retry-after", format: "Seconds" },
      { name: "x-reset", format: "UnixTimestamp" },
    ],
  };
  assert.deepEqual(http({ rateLimitedBackOff })?.rateLimitedRetryBackOff, {
    resetHeaders: [{ name: "retry-after" }, { name: "x-reset", format: "UNIX_TIMESTAMP" }],
    maxInterval: "10s",
  });
});

test("headers, by each type of match", () => {
  const matches = [
    { name: "a", value: "v" },
    { name: "b", type: "Prefix", value: "v" },
    { name: "c", type: "RegularExpression", value: "v.*" },
    { name: "d", type: "Present" },
    { name: "e", type: "Absent" },
  ];
  const expected = [
    { name: "a", stringMatch: { exact: "v" } },
    { name: "b", stringMatch: { prefix: "v" } },
    { name: "c", stringMatch: { safeRegex: { regex: "v.*" } } },
    { name: "d", presentMatch: true },
    { name: "e", presentMatch: false },
  ];
  const policy = http({ retriableResponseHeaders: matches, retriableRequestHeaders: matches });
  assert.deepEqual(policy?.retriableHeaders, expected);
  assert.deepEqual(policy?.retriableRequestHeaders, expected);
});

test("which hosts a retry goes to", () => {
  const policy = http({
    hostSelection: [
      { predicate: "OmitPreviousHosts" },
      { predicate: "OmitHostsWithTags", tags: { version: "2" } },
      { predicate: "OmitPreviousPriorities", updateFrequency: 3 },
    ],
    hostSelectionMaxAttempts: 4,
  });
  const predicates = policy?.retryHostPredicate as readonly Record<string, unknown>[];
  assert.deepEqual(
    predicates.map(({ name }) => name),
    ["envoy.retry_host_predicates.previous_hosts", "envoy.retry_host_predicates.omit_host_metadata"],
  );
  assert.deepEqual(Reflect.get(predicates[1]?.typedConfig as object, "metadataMatch"), {
    filterMetadata: { "envoy.lb": { version: "2" } },
  });
  const priority = policy?.retryPriority as { readonly name: string; readonly typedConfig: object };
  assert.equal(priority.name, "envoy.retry_priorities.previous_priorities");
  assert.equal(Reflect.get(priority.typedConfig, "updateFrequency"), 3);
  assert.equal(policy?.hostSelectionRetryMaxAttempts, "4");
});

test("no attempts at another host: retries go to any", () => {
  const hostSelection = [{ predicate: "OmitPreviousHosts" }, { predicate: "OmitPreviousPriorities" }];
  const policy = http({ hostSelection, hostSelectionMaxAttempts: 0 });
  assert.equal(policy?.retryHostPredicate, undefined);
  assert.equal(policy?.hostSelectionRetryMaxAttempts, undefined);
  assert.ok(policy?.retryPriority !== undefined, "priorities are chosen, not drawn");
});
