import assert from "node:assert/strict";
import { test } from "node:test";
import { again, type Failure } from "./again.ts";
import type { MeshRetryConf } from "./conf.ts";

const GET = { method: "GET", headers: {} };
const status = (code: number): Failure => ({ kind: "status", status: code });
const FAILURES: Readonly<Record<string, Failure>> = {
  "400": status(400),
  "403": status(403),
  "409": status(409),
  "500": status(500),
  "503": status(503),
  connect: { kind: "connect" },
  reset: { kind: "reset" },
};

/** After which failures a request is made again. */
function after(conf: MeshRetryConf, protocol: "http" | "http2" | "grpc" | "tcp"): string {
  const retries = again(conf, protocol, GET);
  return Object.entries(FAILURES)
    .filter(([, failure]) => retries.after(failure))
    .map(([name]) => name)
    .join();
}

for (const [retryOn, failures] of [
  [undefined, "503,connect,reset"],
  [["5xx"], "500,503,connect,reset"],
  [["Reset"], "connect,reset"],
  [["ConnectFailure"], "connect"],
  [["RefusedStream"], ""],
  [["Retriable4xx"], "409"],
  [["403"], "403,503,connect,reset"],
  [["ConnectFailure", "400"], "400,connect"],
] as const) {
  test(`HTTP with ${retryOn?.join() ?? "no conditions"} is made again after ${failures || "nothing"}`, () => {
    const http = { numRetries: 2, ...(retryOn === undefined ? {} : { retryOn }) };
    assert.equal(after({ http }, "http"), failures);
    assert.equal(after({ http }, "http2"), failures);
    assert.equal(after({ http }, "grpc"), "", "gRPC has a part of its own");
  });
}

for (const [retryOn, failures] of [
  [undefined, "503,connect,reset"],
  [["Unavailable"], "503"],
  [["Internal"], "400"],
  [["ResourceExhausted", "DeadlineExceeded"], ""],
] as const) {
  test(`gRPC with ${retryOn?.join() ?? "no conditions"} is made again after ${failures || "nothing"}`, () => {
    const grpc = { numRetries: 2, ...(retryOn === undefined ? {} : { retryOn }) };
    assert.equal(after({ grpc }, "grpc"), failures);
  });
}

test("how often, and what ends one attempt", () => {
  const http = { perTryTimeout: "250ms" };
  const { most, perTryMs } = again({ http }, "http", GET);
  assert.deepEqual([most, perTryMs], [1, 250]);
  const others = again({ http: { ...http, retryOn: ["HttpMethodPost"] } }, "http", GET);
  assert.deepEqual([others.most, others.perTryMs], [0, 250], "an attempt that is the only one ends, too");
  assert.equal(again({ http: { numRetries: 0, retryOn: ["5xx"] } }, "http", GET).most, 0);
  assert.equal(again({ http: { perTryTimeout: "0s" } }, "http", GET).perTryMs, undefined);
  assert.equal(again(undefined, "http", GET).most, 0);
  assert.equal(again({ tcp: { maxConnectAttempt: 3 } }, "tcp", GET).most, 0, "bytes cannot be sent again");
});
