import assert from "node:assert/strict";
import { test } from "node:test";
import { assertShare, tails } from "./shares.ts";

const isNear = (value: number, expected: number): void =>
  assert.ok(Math.abs(value / expected - 1) < 1e-9, `${value}, not ${expected}`);

test("tails of a binomial distribution", () => {
  const { atMost, atLeast } = tails(1, 3, 0.5);
  isNear(atMost, 4 / 8);
  isNear(atLeast, 7 / 8);
  isNear(tails(0, 1_000, 0.1).atMost, 0.9 ** 1_000);
  isNear(tails(1_000, 1_000, 0.9).atLeast, 0.9 ** 1_000);
  isNear(tails(3_000, 3_000, 0.5).atMost, 1);
});

test("what chance gives passes, and another split does not", () => {
  for (const hits of [55, 100, 155]) assertShare(hits, 1_000, 0.1, "a tenth");
  for (const hits of [0, 40, 170, 200, 500]) {
    assert.throws(() => assertShare(hits, 1_000, 0.1, "a tenth"), /a tenth: \d+ of 1000, where 100 are due/);
  }
});
