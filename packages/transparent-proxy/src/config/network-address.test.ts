import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { parseCidr } from "./network-address.ts";

test("networks are spelled as packet filters print them", () => {
  for (const [given, printed] of [
    ["10.0.0.1", "10.0.0.1/32"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    [" 192.168.5.77/30 ", "192.168.5.76/30"],
    ["fd00::1", "fd00::1/128"],
    ["FD00:0:0:0:1:2:3:4/64", "fd00::/64"],
    ["fe80::abcd:1/7", "fe00::/7"],
    ["::", "::/128"],
    ["::ffff:10.0.0.1", "::ffff:a00:1/128"],
  ]) {
    assert.equal(parseCidr(given ?? "")?.text, printed);
  }
});

test("what is no network is none", () => {
  for (const text of [
    "",
    "10.0.0",
    "10.0.0.1/33",
    "10.0.0.1/",
    "10.0.0.1/8/8",
    "fd00::/129",
    "fe80::1%eth0",
    "web",
    "10.0.0.1/-1",
  ]) {
    assert.equal(parseCidr(text), undefined, text);
  }
});

test("law: a network that was read is read as itself", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(32), (address, length) => {
      const cidr = parseCidr(`${address}/${length}`);
      assert.equal(cidr?.family, isIPv6(address) ? "ipv6" : "ipv4");
      assert.deepEqual(parseCidr(cidr?.text ?? ""), cidr);
    }),
  );
});
