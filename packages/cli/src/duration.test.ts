import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { humanDuration, parseDuration, toGoDuration } from "./duration.ts";
import { age, ageOf } from "./output/age.ts";

test("durations as Go writes them, and days", () => {
  const cases: readonly (readonly [string, number | undefined])[] = [
    ["0", 0],
    ["30s", 30_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
    ["500ms", 500],
    ["250µs", 0.25],
    ["30d", 30 * 86_400_000],
    ["", undefined],
    ["30", undefined],
    ["s", undefined],
    ["-5s", undefined],
    ["5s later", undefined],
    ["1h 5m", undefined],
  ];
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, text);
});

test("what we write for Go we read back", () => {
  fc.assert(fc.property(fc.nat(4e12), (ms) => parseDuration(toGoDuration(ms)) === ms));
});

test("durations and ages for people", () => {
  assert.deepEqual([3.21, 41.2, 999, 2_400, 185_000].map(humanDuration), [
    "3.2 ms",
    "41 ms",
    "999 ms",
    "2.4 s",
    "3 min 5 s",
  ]);
  const units = [5, 180, 7_200, 4 * 86_400, 800 * 86_400].map((seconds) => age(0, seconds * 1_000));
  assert.deepEqual(units, ["5s", "3m", "2h", "4d", "2y"]);
  assert.deepEqual(
    [ageOf("", 0), ageOf("0001-01-01T00:00:00Z", 0), ageOf("soon", 0, "-")],
    ["never", "never", "-"],
  );
});
