import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { decideRestart, MAX_CRASHES, STABLE_MS } from "./restart-policy.ts";

const CRASH = { code: null, signal: "SIGSEGV", uptimeMs: 100 };

describe("after Envoy ended by itself", () => {
  test("a refused bootstrap is final", () => {
    const decision = decideRestart(
      { crashes: 0, everStarted: false },
      { code: 1, signal: null, uptimeMs: 50 },
    );
    assert.equal(decision.kind, "give-up");
  });

  test("crashes are answered later each time, and not for ever", () => {
    const delays: number[] = [];
    let crashes = 0;
    for (;;) {
      const decision = decideRestart({ crashes, everStarted: true }, CRASH);
      if (decision.kind === "give-up") break;
      crashes = decision.crashes;
      delays.push(decision.delayMs);
    }
    assert.equal(delays.length, MAX_CRASHES);
    assert.deepEqual(delays.slice(0, 3), [200, 400, 800]);
    assert.equal(delays.at(-1), 30_000);
  });

  test("a crash after stable work counts as the first", () => {
    const decision = decideRestart(
      { crashes: MAX_CRASHES, everStarted: true },
      { ...CRASH, uptimeMs: STABLE_MS },
    );
    assert.deepEqual(decision, { kind: "restart", crashes: 1, delayMs: 200 });
  });

  test("a crash before the first start is a crash, not a refusal", () => {
    assert.equal(decideRestart({ crashes: 0, everStarted: false }, CRASH).kind, "restart");
  });
});
