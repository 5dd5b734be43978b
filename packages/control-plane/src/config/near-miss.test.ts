import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearMiss } from "./near-miss.ts";

const WORDS = ["port", "enabled", "interface", "readOnly", "corsAllowedDomains"];

describe("near misses", () => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["prot", "port"],
    ["prt", "port"],
    ["ports", "port"],
    ["PORT", "port"],
    ["readonly", "readOnly"],
    ["interfaec", "interface"],
    ["corsAllowdDomain", "corsAllowedDomains"],
    ["host", undefined],
    ["x", undefined],
  ];
  for (const [word, expected] of cases) {
    it(`${word}: ${expected ?? "nothing"}`, () => assert.equal(nearMiss(word, WORDS), expected));
  }

  it("prefer the nearest, then the first", () => {
    assert.equal(nearMiss("abcdefgh", ["abcdefxx", "abcdefgx", "abcdefgy"]), "abcdefgx");
  });
});
