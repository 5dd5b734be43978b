import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatIpv4, parseIpv4, parseIpv4Range } from "./ipv4-range.ts";
import { userService } from "./testing/resources.ts";
import { DEFAULT_VIP_RANGES, VipPools } from "./vip-pools.ts";
import { VipPool, withVip } from "./vips.ts";

const RANGE = DEFAULT_VIP_RANGES.MeshService;

test("a range is read from a CIDR, and only from one", () => {
  assert.deepEqual(parseIpv4Range("241.0.0.0/8"), RANGE);
  assert.deepEqual(parseIpv4Range("10.1.2.3/30"), { first: parseIpv4("10.1.2.0"), size: 4 });
  assert.deepEqual(parseIpv4Range("0.0.0.0/0"), { first: 0, size: 2 ** 32 });
  for (const text of ["241.0.0.0", "241.0.0.0/33", "fd00::/8", "241.0.0/8", "241.0.0.0/8/8", ""]) {
    assert.equal(parseIpv4Range(text), undefined, text);
  }
  assert.equal(formatIpv4(parseIpv4("241.255.0.7")), "241.255.0.7");
});

test("addresses begin at the first of the range and go up", () => {
  const pool = new VipPool(RANGE);
  assert.equal(pool.take("a"), "241.0.0.0");
  assert.equal(pool.take("b"), "241.0.0.1");
  assert.equal(pool.take("a"), "241.0.0.0");
});

test("a freed address is not given again before all others had their turn", () => {
  const pool = new VipPool({ first: parseIpv4("10.0.0.0"), size: 4 });
  for (const holder of ["a", "b", "c"]) pool.take(holder);
  pool.release("a");
  assert.equal(pool.take("d"), "10.0.0.3");
  assert.equal(pool.take("e"), "10.0.0.0");
  assert.equal(pool.take("f"), undefined);
  pool.release("c");
  assert.equal(pool.take("f"), "10.0.0.2");
});

test("after a restart the stored addresses stay, and new ones come after them", () => {
  const pool = new VipPool(RANGE);
  assert.ok(pool.claim("a", "241.0.0.9"));
  assert.ok(!pool.claim("b", "241.0.0.9"));
  assert.ok(!pool.claim("b", "10.0.0.1"));
  assert.equal(pool.take("a"), "241.0.0.9");
  assert.equal(pool.take("b"), "241.0.0.10");
});

test("a service keeps its address, also one from elsewhere; one that another holds is replaced", () => {
  const pool = new VipPool(RANGE);
  const first = withVip(userService("a"), pool);
  assert.ok(pool.claim("demo/a", "241.0.0.0"), "it is stored");
  assert.deepEqual(first.status?.vips, [{ ip: "241.0.0.0" }]);
  assert.equal(withVip(first, pool), first);
  const cluster = userService("k", {}, { status: { vips: [{ ip: "10.96.0.7" }] } });
  assert.equal(withVip(cluster, pool), cluster);
  const thief = userService("b", {}, { status: { vips: [{ ip: "241.0.0.0" }], addresses: [] } });
  const other = withVip(thief, pool);
  assert.deepEqual(other.status, { vips: [{ ip: "241.0.0.1" }], addresses: [] });
});

test("where the range is used up, a service has no address rather than another's", () => {
  const pool = new VipPool({ first: parseIpv4("10.0.0.0"), size: 1 });
  assert.ok(pool.claim("demo/a", "10.0.0.0"));
  const bare = userService("b");
  assert.equal(withVip(bare, pool), bare);
  const thief = userService("b", {}, { status: { vips: [{ ip: "10.0.0.0" }], tls: { status: "Ready" } } });
  assert.deepEqual(withVip(thief, pool).status, { tls: { status: "Ready" } });
});

const HOLDERS = ["a", "b", "c", "d", "e", "f"];
const operation = fc.oneof(
  fc.record({ op: fc.constant("take" as const), holder: fc.constantFrom(...HOLDERS) }),
  fc.record({ op: fc.constant("release" as const), holder: fc.constantFrom(...HOLDERS) }),
  fc.record({
    op: fc.constant("claim" as const),
    holder: fc.constantFrom(...HOLDERS),
    ip: fc.nat(5).map((n) => `10.0.0.${n}`),
  }),
);

test("no address has two holders, no holder two addresses, what is stored stays, and all are used before any is refused", () => {
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const pool = new VipPool({ first: parseIpv4("10.0.0.0"), size: 4 });
      const held = new Map<string, { readonly ip: string; readonly stored: boolean }>();
      for (const each of operations) {
        const others = [...held].filter(([holder]) => holder !== each.holder);
        const before = held.get(each.holder);
        if (each.op === "release") {
          assert.equal(pool.release(each.holder), held.delete(each.holder));
        } else if (each.op === "take") {
          const ip = pool.take(each.holder);
          if (before !== undefined) assert.equal(ip, before.ip);
          else if (ip === undefined) assert.equal(held.size, 4);
          else assert.ok(!others.some(([, other]) => other.ip === ip));
          if (ip !== undefined) held.set(each.holder, before ?? { ip, stored: false });
        } else {
          const [rival, other] = others.find(([, { ip }]) => ip === each.ip) ?? [];
          const mayHave = pool.covers(each.ip) && other?.stored !== true;
          assert.equal(pool.claim(each.holder, each.ip), mayHave);
          if (mayHave && rival !== undefined) held.delete(rival);
          if (mayHave) held.set(each.holder, { ip: each.ip, stored: true });
        }
        assert.equal(pool.size, held.size);
        for (const [holder, { ip }] of held) assert.equal(pool.holder(ip), holder);
      }
    }),
  );
});

test("the turn goes on where it was stored, also when the last addresses have been freed", () => {
  const pool = new VipPool(RANGE);
  pool.resume("241.0.0.7");
  assert.ok(pool.claim("a", "241.0.0.2"));
  assert.equal(pool.take("b"), "241.0.0.7");
  assert.equal(pool.turn, "241.0.0.8");
  pool.resume("10.0.0.1");
  pool.resume("");
  assert.equal(pool.take("c"), "241.0.0.8");
});

test("an address that lies in two ranges is in the pool of one only", () => {
  const tiny = { first: parseIpv4("10.0.0.0"), size: 4 };
  const pool = new VipPool(tiny, [
    { first: parseIpv4("10.0.0.1"), size: 2 },
    { first: parseIpv4("11.0.0.0"), size: 99 },
  ]);
  assert.ok(!pool.covers("10.0.0.2"));
  assert.ok(!pool.claim("z", "10.0.0.1"));
  assert.deepEqual(
    ["a", "b", "c"].map((holder) => pool.take(holder)),
    ["10.0.0.0", "10.0.0.3", undefined],
  );
  assert.equal(new VipPool(tiny, [tiny]).take("a"), undefined);
  const pools = new VipPools(DEFAULT_VIP_RANGES);
  assert.equal(pools.of("TaggedService").take("a"), "240.0.0.0");
  assert.ok(pools.of("MeshExternalService").covers("242.0.0.0"));
  assert.ok(!pools.of("TaggedService").covers("242.0.0.0"));
});

test("20,000 services have their addresses in no time, also when half of them change", () => {
  const pool = new VipPool({ first: parseIpv4("10.0.0.0"), size: 2 ** 15 });
  const began = performance.now();
  for (let n = 0; n < 20_000; n++) pool.take(`demo/${n}`);
  for (let n = 0; n < 20_000; n += 2) pool.release(`demo/${n}`);
  for (let n = 0; n < 20_000; n += 2) assert.ok(pool.take(`demo/new-${n}`) !== undefined);
  assert.equal(pool.size, 20_000);
  assert.ok(performance.now() - began < 1_000);
});
