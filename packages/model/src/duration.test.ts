import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  duration,
  durationFromMs,
  durationMs,
  formatDuration,
  parseCalendarDuration,
  parseDuration,
} from "./duration.ts";

test("durations are read and written as Go does", () => {
  const canonical: Record<string, string> = {
    "60m": "1h0m0s",
    "90s": "1m30s",
    "1.5h": "1h30m0s",
    "1500ms": "1.5s",
    ".5s": "500ms",
    "1us": "1µs",
    "0": "0s",
    "-1m": "-1m0s",
    "+2s": "2s",
    "1h1ns": "1h0m0.000000001s",
  };
  for (const [text, want] of Object.entries(canonical)) {
    const nanos = parseDuration(text);
    assert.equal(nanos === undefined ? undefined : formatDuration(nanos), want, text);
  }
});

test("what is not a Go duration is refused", () => {
  for (const text of ["", "1", "1d", "s", ".s", "1h ", "-", "1h-1m", "3000000h", "١s"]) {
    assert.equal(parseDuration(text), undefined, text);
    assert.equal(duration().safeParse(text).success, false, text);
  }
});

test("a duration survives formatting and parsing", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }), (nanos) => {
      assert.equal(parseDuration(formatDuration(nanos)), nanos);
    }),
  );
});

test("the schema keeps the canonical text", () => {
  assert.equal(duration().parse("60m"), "1h0m0s");
  assert.equal(durationMs("1m0.5s"), 60500);
  assert.equal(durationFromMs(60500), "1m0.5s");
});

test("a validity knows years, weeks and days", () => {
  assert.equal(parseCalendarDuration("1d12h"), 36 * 3600e3);
  assert.equal(parseCalendarDuration("10y"), 10 * 365 * 86400e3);
  assert.equal(parseCalendarDuration("500ms"), 500);
  for (const text of ["", "1", "1h1d", "y"]) assert.equal(parseCalendarDuration(text), undefined, text);
});
