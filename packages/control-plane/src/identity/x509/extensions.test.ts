import assert from "node:assert/strict";
import { BlockList } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { addressBytes, isCertificateUri, subjectAltName } from "./extensions.ts";

test("IPv6 addresses in any spelling have the bytes that their full spelling has", () => {
  fc.assert(
    fc.property(fc.ipV6(), (address) => {
      const bytes = addressBytes(address);
      assert.equal(bytes.length, 16);
      const full = bytes.toString("hex").match(/.{4}/g)?.join(":") ?? "";
      const list = new BlockList();
      list.addAddress(full, "ipv6");
      assert.ok(list.check(address, "ipv6"), `${address} is not ${full}`);
    }),
  );
});

test("an address loses its zone id, and a mapped one keeps its IPv4 part", () => {
  assert.equal(addressBytes("fe80::1%eth0").toString("hex"), `fe80${"0".repeat(27)}1`);
  assert.equal(addressBytes("::ffff:127.0.0.1").toString("hex"), `${"0".repeat(20)}ffff7f000001`);
  assert.equal(addressBytes("10.1.2.3").toString("hex"), "0a010203");
  assert.throws(() => addressBytes("localhost"), TypeError);
});

test("a URI that is no URI cannot get into a certificate", () => {
  assert.ok(isCertificateUri("kuma://kuma.io/version/v1"));
  for (const value of ["", "no-scheme", "spiffe://a b", "spiffe://ü", "spiffe://a\u0000"]) {
    assert.ok(!isCertificateUri(value), value);
    assert.throws(() => subjectAltName([{ kind: "uri", value }], true), TypeError);
  }
});
