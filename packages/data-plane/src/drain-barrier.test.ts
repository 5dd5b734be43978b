import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HttpReply } from "./control-plane-http.ts";
import { awaitRemoval } from "./drain-barrier.ts";

const pending = (count: number): HttpReply => ({
  status: 200,
  body: JSON.stringify({ revision: 1, pending: count }),
});
const status = (code: number): HttpReply => ({ status: code, body: "" });
type Answer = HttpReply | Error;

/** Plays a control plane; the clock moves by pauses and by 10 ms a request. */
async function play(
  announces: readonly Answer[],
  polls: readonly Answer[],
  drainTimeMs = 30_000,
  abortAt = Infinity,
) {
  let time = 0;
  const calls: string[] = [];
  const controller = new AbortController();
  const next = (kind: string, answers: readonly Answer[]) => async () => {
    const answer = answers[Math.min(calls.filter((call) => call === kind).length, answers.length - 1)];
    calls.push(kind);
    time += 10;
    if (time >= abortAt) controller.abort();
    if (answer === undefined || answer instanceof Error) throw answer ?? new Error("nothing planned");
    return answer;
  };
  const outcome = await awaitRemoval(
    { announce: next("announce", announces), poll: next("poll", polls) },
    {
      now: () => time,
      pause: async (ms) => {
        time += ms;
      },
      deadline: drainTimeMs,
      signal: controller.signal,
    },
  );
  return { outcome, calls, time };
}

describe("the drain barrier", () => {
  test("is passed when nobody is pending", async () => {
    assert.deepEqual((await play([pending(0)], [])).calls, ["announce"]);
    const { outcome, calls } = await play([pending(3)], [pending(2), pending(2), pending(0)]);
    assert.deepEqual(outcome, { kind: "acknowledged" });
    assert.deepEqual(calls, ["announce", "poll", "poll", "poll"]);
  });

  test("is not there with a control plane that has none", async () => {
    for (const code of [404, 405]) assert.equal((await play([status(code)], [])).outcome.kind, "unsupported");
  });

  test("is there and closed where the control plane refuses this instance, which says why", async () => {
    const refused = { status: 401, body: "the token has expired\nand more\n" };
    assert.deepEqual((await play([refused], [])).outcome, {
      kind: "refused",
      reason: "the control plane answered 401: the token has expired",
    });
    for (const code of [400, 403]) assert.equal((await play([status(code)], [])).outcome.kind, "refused");
  });

  test("a refusal after it was accepted does not end the wait: the token may be renewed", async () => {
    const { outcome, calls } = await play([pending(1), pending(0)], [status(401)]);
    assert.deepEqual(outcome, { kind: "acknowledged" });
    assert.deepEqual(calls, ["announce", "poll", "announce"]);
  });

  test("waits for a control plane that comes back, and tells it again", async () => {
    const away = new Error("ECONNREFUSED");
    const { outcome, calls } = await play(
      [away, status(503), pending(2), pending(1)],
      [status(404), pending(0)],
    );
    assert.deepEqual(outcome, { kind: "acknowledged" });
    assert.deepEqual(calls, ["announce", "announce", "announce", "poll", "announce", "poll"]);
  });

  test("is bounded in time, and never asks in a tight loop", async () => {
    const busy = await play([pending(1)], [pending(1)], 1_000);
    assert.deepEqual(busy.outcome, { kind: "timeout", pending: 1, reason: undefined });
    assert.ok(busy.calls.length <= 12, String(busy.calls.length));
    const away = await play([new Error("gone")], [], 1_000);
    assert.deepEqual(away.outcome, { kind: "timeout", pending: undefined, reason: "gone" });
    assert.ok(away.time < 1_100);
  });

  test("can be interrupted", async () => {
    assert.equal((await play([pending(1)], [pending(1)], 30_000, 500)).outcome.kind, "interrupted");
  });

  test("does not trust a strange answer", async () => {
    for (const body of ["", "[]", '{"pending":"0"}', '{"pending":-1}']) {
      assert.equal((await play([{ status: 200, body }], [], 1_000)).outcome.kind, "timeout", body);
    }
  });
});
