import assert from "node:assert/strict";
import { test } from "node:test";
import { covers, ipRange, rangeText } from "./ip-range.ts";

const text = (given: string): string | undefined => {
  const range = ipRange(given);
  return range && rangeText(range);
};

test("ranges with the same addresses have the same text", () => {
  assert.equal(text("192.0.2.1"), "192.0.2.1/32");
  assert.equal(text("10.1.2.3/8"), "10.0.0.0/8");
  assert.equal(text("10.1.2.3/0"), "0.0.0.0/0");
  assert.equal(text("2001:DB8:0:0::0001"), "2001:db8::1/128");
  assert.equal(text("fd12:3456::1/12"), "fd10::/12");
  assert.equal(text("::1/0"), "::/0");
  assert.equal(text("1:2:3:4:5:6:7:8/127"), "1:2:3:4:5:6:7:8/127");
  assert.equal(text("64:ff9b::192.0.2.1"), "64:ff9b::c000:201/128");
});

test("an IPv4 address that is written as IPv6 is an IPv4 address", () => {
  assert.equal(text("::ffff:192.0.2.1"), "192.0.2.1/32");
  assert.equal(text("::ffff:c000:200/120"), "192.0.2.0/24");
  assert.equal(text("::ffff:0:0/95"), "::fffe:0:0/95");
});

test("what is no range", () => {
  for (const given of [
    "",
    "/",
    "10.0.0.0/",
    "10.0.0.0/33",
    "::/129",
    "10.0.0.0/08",
    "10.0.0.0/8/8",
    "a/8",
    "1::2::3",
  ]) {
    assert.equal(text(given), undefined, given);
  }
});

test("a range covers those inside it", () => {
  const inside = (outer: string, inner: string): boolean => {
    const [a, b] = [ipRange(outer), ipRange(inner)];
    return a !== undefined && b !== undefined && covers(a, b);
  };
  assert.ok(inside("10.0.0.0/8", "10.9.9.9"));
  assert.ok(inside("10.0.0.0/8", "10.0.0.0/8"));
  assert.ok(inside("0.0.0.0/0", "192.0.2.1"));
  assert.ok(inside("fd00::/8", "fd12::/16"));
  assert.ok(!inside("10.0.0.0/8", "11.0.0.0"));
  assert.ok(!inside("10.0.0.0/9", "10.0.0.0/8"));
  assert.ok(!inside("::/0", "10.0.0.0"));
});
