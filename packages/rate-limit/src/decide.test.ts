import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  RateLimitResponse_Code as Code,
  RateLimitRequestSchema,
} from "@skein/envoy-api/envoy/service/ratelimit/v3/rls_pb";
import { RateLimitUnit } from "@skein/envoy-api/envoy/type/v3/ratelimit_unit_pb";
import { memoryCounters } from "./counters.ts";
import { decide } from "./decide.ts";

const { SECOND, MINUTE } = RateLimitUnit;

interface Question {
  readonly domain?: string;
  readonly service?: string;
  readonly limit?: { readonly requestsPerUnit: number; readonly unit: RateLimitUnit };
  readonly hits?: number;
}

function world() {
  let now = 1_000_000_000_000;
  const counters = memoryCounters(() => now);
  return {
    wait: (ms: number) => {
      now += ms;
    },
    ask: (...questions: readonly Question[]) =>
      decide(
        create(RateLimitRequestSchema, {
          domain: questions[0]?.domain ?? "default",
          hitsAddend: questions[0]?.hits ?? 0,
          descriptors: questions.map(({ service = "web", limit }) => ({
            entries: [{ key: "kuma.io/service", value: service }],
            ...(limit === undefined ? {} : { limit }),
          })),
        }),
        counters,
        now,
      ),
  };
}

test("so many in a window, no more, and again in the next", async () => {
  const { ask, wait } = world();
  const limit = { requestsPerUnit: 2, unit: SECOND };
  const codes = async (count: number) => {
    const answers = [];
    for (let i = 0; i < count; i++) answers.push((await ask({ limit })).overallCode);
    return answers;
  };
  assert.deepEqual(await codes(3), [Code.OK, Code.OK, Code.OVER_LIMIT]);
  wait(999);
  assert.deepEqual(await codes(1), [Code.OVER_LIMIT]);
  wait(1);
  assert.deepEqual(await codes(3), [Code.OK, Code.OK, Code.OVER_LIMIT]);
});

test("an answer says what is left, and until when", async () => {
  const { ask, wait } = world();
  wait(20_000);
  const [status] = (await ask({ limit: { requestsPerUnit: 5, unit: MINUTE } })).statuses;
  assert.equal(status?.limitRemaining, 4);
  assert.equal(status?.currentLimit?.requestsPerUnit, 5);
  // The minute began 20 s before this world did.
  assert.equal(status?.durationUntilReset?.seconds, 60n - ((1_000_000_020n % 60n) as bigint));
});

test("services, domains and windows of another length are counted apart", async () => {
  const { ask } = world();
  const limit = { requestsPerUnit: 1, unit: SECOND };
  const code = async (question: Question) => (await ask({ limit, ...question })).overallCode;
  assert.equal(await code({}), Code.OK);
  assert.equal(await code({}), Code.OVER_LIMIT);
  assert.equal(await code({ service: "api" }), Code.OK);
  assert.equal(await code({ domain: "other" }), Code.OK);
  assert.equal(await code({ limit: { requestsPerUnit: 1, unit: MINUTE } }), Code.OK);
});

test("names cannot be mixed up", async () => {
  const { ask } = world();
  const limit = { requestsPerUnit: 1, unit: SECOND };
  assert.equal((await ask({ domain: "a|kuma.io/service=b", service: "c", limit })).overallCode, Code.OK);
  assert.equal((await ask({ domain: "a", service: "b|kuma.io/service=c", limit })).overallCode, Code.OK);
});

test("one descriptor over its limit is enough, and one without a limit has none", async () => {
  const { ask } = world();
  const one = { limit: { requestsPerUnit: 1, unit: SECOND } };
  assert.equal((await ask(one, { service: "free" })).overallCode, Code.OK);
  const { overallCode, statuses } = await ask(one, { service: "free" });
  assert.equal(overallCode, Code.OVER_LIMIT);
  assert.deepEqual(
    statuses.map(({ code }) => code),
    [Code.OVER_LIMIT, Code.OK],
  );
});

test("a request may weigh more than one", async () => {
  const { ask } = world();
  const limit = { requestsPerUnit: 5, unit: SECOND };
  assert.equal((await ask({ limit, hits: 5 })).overallCode, Code.OK);
  assert.equal((await ask({ limit, hits: 1 })).overallCode, Code.OVER_LIMIT);
});
