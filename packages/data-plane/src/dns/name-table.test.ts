import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { addressBytes, isMapped } from "./ip-address.ts";
import { encodeName } from "./message.ts";
import { readNameTable } from "./name-table.ts";

const keyOf = (name: string): string => (encodeName(name) ?? Buffer.alloc(0)).toString("latin1");

test("one entry that is wrong costs that entry, and is told", () => {
  const { names, problems } = readNameTable(
    JSON.stringify({
      records: [
        { name: "a.mesh", ips: ["241.0.0.1", "241.0.0", 7] },
        { name: "", ips: ["241.0.0.2"] },
        { name: "b..mesh", ips: [] },
        { name: `${"x".repeat(64)}.mesh`, ips: [] },
        { ips: [] },
        { name: "c.mesh" },
        "d.mesh",
      ],
    }),
  );
  assert.deepEqual(
    [...names.keys()].sort(),
    [keyOf("a.mesh"), keyOf("1.0.0.241.in-addr.arpa"), keyOf("c.mesh")].sort(),
  );
  assert.equal(names.get(keyOf("a.mesh"))?.a.count, 1);
  assert.equal(problems.length, 6);
});

test("addresses of a name that comes twice are put together, each once", () => {
  const { names } = readNameTable(
    JSON.stringify({
      records: [
        { name: "a.mesh", ips: ["241.0.0.1"] },
        { name: "A.mesh.", ips: ["241.0.0.1", "241.0.0.2"] },
      ],
    }),
  );
  assert.equal(names.get(keyOf("a.mesh"))?.a.count, 2);
});

test("IPv4 in IPv6's clothes is no address of IPv6", () => {
  const { names, problems } = readNameTable(
    JSON.stringify({ records: [{ name: "a.mesh", ips: ["241.0.0.1", "::ffff:241.0.0.1"] }] }),
  );
  assert.deepEqual([names.get(keyOf("a.mesh"))?.aaaa.count, problems.length], [0, 0]);
});

for (const text of ["", "null", "[]", '{"records":{}}', "{"]) {
  test(`${JSON.stringify(text)} is no document`, () => assert.throws(() => readNameTable(text)));
}

test("every way to write an IPv6 address gives its 16 bytes", () => {
  const bytes = (text: string) => addressBytes(text)?.toString("hex");
  assert.equal(bytes("::"), "0".repeat(32));
  assert.equal(bytes("fe80::1%eth0"), `fe80${"0".repeat(27)}1`);
  assert.equal(bytes("::ffff:1.2.3.4"), "00000000000000000000ffff01020304");
  assert.equal(bytes("1:2:3:4:5:6:7::"), "00010002000300040005000600070000");
  fc.assert(
    fc.property(fc.ipV6(), (text) => {
      const found = addressBytes(text);
      assert.equal(found?.length, 16);
      // Node's own parser, by way of a URL, writes it in the one canonical form; ours reads that the same.
      const canonical = new URL(`http://[${text}]`).hostname.slice(1, -1);
      assert.deepEqual(addressBytes(canonical), found);
    }),
  );
  for (const text of ["", "1.2.3", "1.2.3.4.5", "g::", ":::", "localhost"])
    assert.equal(addressBytes(text), undefined);
  assert.equal(isMapped(addressBytes("::ffff:1.2.3.4") ?? Buffer.alloc(0)), true);
  assert.equal(isMapped(addressBytes("::1.2.3.4") ?? Buffer.alloc(0)), false);
});
