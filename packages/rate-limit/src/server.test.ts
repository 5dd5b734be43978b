import assert from "node:assert/strict";
import { connect } from "node:http2";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  RateLimitResponse_Code as Code,
  RateLimitRequestSchema,
  RateLimitResponseSchema,
} from "@skein/envoy-api/envoy/service/ratelimit/v3/rls_pb";
import { RateLimitUnit } from "@skein/envoy-api/envoy/type/v3/ratelimit_unit_pb";
import { type Counters, memoryCounters } from "./counters.ts";
import { startRateLimitServer } from "./server.ts";

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
const QUESTION = toBinary(
  RateLimitRequestSchema,
  create(RateLimitRequestSchema, {
    domain: "default",
    descriptors: [
      { entries: [{ key: "k", value: "v" }], limit: { requestsPerUnit: 1, unit: RateLimitUnit.DAY } },
    ],
  }),
);

interface Reply {
  readonly status: string;
  readonly message: string;
  readonly body: Buffer;
}

/** Runs `body` with a function that makes one call of a server with these counters. */
async function served(
  counters: Counters,
  body: (call: (path: string, message: Uint8Array) => Promise<Reply>) => Promise<void>,
): Promise<readonly unknown[]> {
  const errors: unknown[] = [];
  const server = await startRateLimitServer({
    address: "127.0.0.1",
    port: 0,
    counters,
    now: () => 0,
    onError: (error) => errors.push(error),
  });
  const session = connect(`http://127.0.0.1:${server.port}`);
  const call = (path: string, message: Uint8Array): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const stream = session.request({
        ":method": "POST",
        ":path": path,
        "content-type": "application/grpc",
      });
      const head = Buffer.alloc(5);
      head.writeUInt32BE(message.length, 1);
      const chunks: Buffer[] = [];
      let trailers: Readonly<Record<string, unknown>> = {};
      stream.on("response", (headers) => {
        trailers = headers;
      });
      stream.on("trailers", (headers) => {
        trailers = headers;
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () =>
        resolve({
          status: String(trailers["grpc-status"]),
          message: decodeURIComponent(String(trailers["grpc-message"] ?? "")),
          body: Buffer.concat(chunks).subarray(5),
        }),
      );
      stream.end(Buffer.concat([head, message]));
    });
  try {
    await body(call);
  } finally {
    session.close();
    await server.close();
  }
  return errors;
}

test("questions are answered, one call after the other on one connection", async () => {
  const errors = await served(
    memoryCounters(() => 0),
    async (call) => {
      const codes = [];
      for (let i = 0; i < 2; i++) {
        const { status, body } = await call(METHOD, QUESTION);
        assert.equal(status, "0");
        codes.push(fromBinary(RateLimitResponseSchema, body).overallCode);
      }
      assert.deepEqual(codes, [Code.OK, Code.OVER_LIMIT]);
    },
  );
  assert.deepEqual(errors, []);
});

test("what cannot be counted is said, so that Envoy can let it through", async () => {
  const lost: Counters = { add: () => Promise.reject(new Error("no Redis")), close: async () => {} };
  const errors = await served(lost, async (call) => {
    const { status, message } = await call(METHOD, QUESTION);
    assert.deepEqual([status, message], ["14", "the counts cannot be reached"]);
  });
  assert.equal(errors.length, 1);
});

test("other methods and other bytes are refused, and harm nobody", async () => {
  await served(
    memoryCounters(() => 0),
    async (call) => {
      assert.equal((await call("/x/Y", QUESTION)).status, "12");
      assert.equal((await call(METHOD, Buffer.from([0xff, 0xff]))).status, "3");
      assert.equal((await call(METHOD, Buffer.alloc(100_000))).status, "3");
      assert.equal((await call(METHOD, QUESTION)).status, "0");
    },
  );
});
