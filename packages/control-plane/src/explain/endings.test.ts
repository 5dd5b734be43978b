import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation, Question } from "./explanation.ts";
import { AIRLINE, allow, ask, IDENTITY, policy } from "./testing/airline.ts";

const MESH = AIRLINE + IDENTITY + allow("portal");
const faults = (
  name: string,
  http: readonly object[],
  targetRef: object = { kind: "Mesh", proxyTypes: ["Sidecar"] },
) => policy("MeshFaultInjection", name, { targetRef, rules: [{ default: { http } }] });
const abort = (percentage: number | string, httpStatus = 503) => ({ abort: { httpStatus, percentage } });
const delay = (value: string, percentage: number | string) => ({ delay: { value, percentage } });
const retry = (conf: object) =>
  policy("MeshRetry", "r", { to: [{ targetRef: { kind: "Mesh" }, default: { http: conf } }] });

function endings(documents: string, more: Partial<Question> = {}): Explanation["endings"] {
  return ask(documents, "portal", "check-in", more).endings;
}

/** Shares by status; 0 is the application's answer. */
function shares(documents: string, more: Partial<Question> = {}): Readonly<Record<number, number>> {
  return Object.fromEntries(endings(documents, more).map(({ status = 0, share }) => [status, share]));
}

test("without faults there is one ending, and where requests go nowhere too", () => {
  assert.deepEqual(endings(MESH), [{ share: 100 }]);
  assert.deepEqual(endings(AIRLINE + IDENTITY), [{ share: 100, status: 403 }]);
  assert.deepEqual(ask(MESH, "portal", "radar").endings, [], "bytes have no requests");
  assert.deepEqual(ask(MESH, "check-in", "portal").endings, [], "no port leads there");
});

test("each fault throws its own dice", () => {
  assert.deepEqual(shares(MESH + faults("f", [abort(25)])), { 0: 75, 503: 25 });
  assert.deepEqual(shares(MESH + faults("f", [abort(50, 500), abort("10.5", 404)])), {
    0: 44.75,
    500: 50,
    404: 5.25,
  });
  assert.deepEqual(shares(MESH + faults("f", [abort(100, 418), abort(100, 404)])), { 418: 100 });
});

test("retries of the caller make up for aborts that they are about", () => {
  const half = MESH + faults("f", [abort(50)]);
  assert.deepEqual(shares(half + retry({ numRetries: 1 })), { 0: 75, 503: 25 });
  assert.deepEqual(shares(half + retry({ numRetries: 3 })), { 0: 93.75, 503: 6.25 });
  assert.deepEqual(shares(half + retry({ numRetries: 0 })), { 0: 50, 503: 50 });
  assert.deepEqual(
    shares(half + retry({ backOff: { baseInterval: "1ms" } })),
    { 0: 75, 503: 25 },
    "once where nobody says how often",
  );
  assert.deepEqual(shares(half + retry({ numRetries: 3, retryOn: ["ConnectFailure"] })), { 0: 50, 503: 50 });
  assert.deepEqual(shares(half + retry({ numRetries: 1, retryOn: ["5xx"] })), { 0: 75, 503: 25 });
  const teapot = MESH + faults("f", [abort(50, 418)]);
  assert.deepEqual(shares(teapot + retry({ numRetries: 1 })), { 0: 50, 418: 50 });
  assert.deepEqual(shares(teapot + retry({ numRetries: 1, retryOn: ["418"] })), { 0: 75, 418: 25 });
  const conflict = MESH + faults("f", [abort(50, 409)]);
  assert.deepEqual(shares(conflict + retry({ numRetries: 1, retryOn: ["Retriable4xx"] })), {
    0: 75,
    409: 25,
  });
});

test("only some methods and headers are tried again", () => {
  const half = MESH + faults("f", [abort(50)]);
  const gets = half + retry({ numRetries: 1, retryOn: ["HttpMethodGet"] });
  assert.deepEqual(shares(gets), { 0: 75, 503: 25 });
  assert.deepEqual(shares(gets, { method: "POST" }), { 0: 50, 503: 50 });
  const marked =
    half + retry({ numRetries: 1, retriableRequestHeaders: [{ name: "x-again", type: "Present" }] });
  assert.deepEqual(shares(marked), { 0: 50, 503: 50 });
  assert.deepEqual(shares(marked, { headers: { "x-again": "1" } }), { 0: 75, 503: 25 });
});

test("what waits longer than the caller's proxy does ends with 504", () => {
  const quick = policy("MeshTimeout", "t", {
    to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout: "100ms" } } }],
  });
  assert.deepEqual(shares(MESH + faults("f", [delay("2s", 20)])), { 0: 100 });
  assert.deepEqual(shares(MESH + quick + faults("f", [delay("2s", 20)])), { 0: 80, 504: 20 });
  // The delay comes first, and two of 60 ms are too much.
  assert.deepEqual(shares(MESH + quick + faults("f", [{ ...delay("2s", 20), ...abort(50) }])), {
    0: 40,
    503: 40,
    504: 20,
  });
  assert.deepEqual(shares(MESH + quick + faults("f", [delay("60ms", 50), delay("60ms", 50)])), {
    0: 75,
    504: 25,
  });
  // With a limit on each try the second one may be quick.
  const tries = retry({ numRetries: 1, perTryTimeout: "50ms" });
  assert.deepEqual(shares(MESH + faults("f", [delay("2s", 20)]) + tries), { 0: 96, 504: 4 });
});

test("instances that differ: shares are exact without retries, and near with them", () => {
  const one = { kind: "Dataplane", name: "check-in-2" };
  const plain = ask(MESH + faults("f", [abort(50)], one), "portal", "check-in");
  assert.deepEqual(
    [plain.endings, plain.endingsEstimated],
    [[{ share: 75 }, { share: 25, status: 503 }], false],
  );
  const again = ask(MESH + faults("f", [abort(50)], one) + retry({ numRetries: 1 }), "portal", "check-in");
  assert.deepEqual(again.endings, [{ share: 93.75 }, { share: 6.25, status: 503 }]);
  assert.equal(again.endingsEstimated, true);
  assert.match(
    again.seen,
    /^the application's answer to about 93\.75% and 503 to about 6\.25% of the requests/,
  );
});

test("a refusal is not made again, and a status of a fault is as often as it is", () => {
  const denied = ask(AIRLINE + IDENTITY + retry({ numRetries: 3, retryOn: ["5xx"] }), "portal", "check-in");
  assert.deepEqual(denied.endings, [{ share: 100, status: 403 }]);
  const rare = ask(MESH + faults("f", [abort("0.001")]), "portal", "check-in");
  assert.match(rare.seen, /^the application's answer to 99\.999% and 503 to 0\.001% of the requests/);
});
