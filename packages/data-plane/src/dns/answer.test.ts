import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { answerFromTable } from "./answer.ts";
import { readQuestion } from "./message.ts";
import { readNameTable } from "./name-table.ts";
import { decode, type QuerySpec, query } from "./testing/packets.ts";

const TABLE = readNameTable(
  JSON.stringify({
    records: [
      { name: "orders.svc.mesh.local", ips: ["241.0.0.1", "::ffff:f100:1"] },
      { name: "orders.example.org", ips: ["241.0.0.1"] },
      { name: "both.svc.mesh.local", ips: ["241.0.0.2", "fd00:fd12::2"] },
      { name: "six.svc.mesh.local", ips: ["fd00:fd12::6"] },
      { name: "many.svc.mesh.local", ips: Array.from({ length: 60 }, (_, i) => `241.0.1.${i}`) },
    ],
    ttl: 30,
  }),
);

const [A, SOA, PTR, TXT, AAAA, SRV, HTTPS, ANY] = [1, 6, 12, 16, 28, 33, 65, 255] as const;

function ask(spec: QuerySpec, via: "udp" | "tcp" = "udp") {
  const message = query(spec);
  const question = readQuestion(message);
  assert.ok(question !== undefined);
  const reply = answerFromTable(message, question, TABLE, via);
  return reply === undefined ? undefined : { ...decode(reply), bytes: reply.length };
}

const orders = "orders.svc.mesh.local";

describe("a name of the mesh", () => {
  test("has its addresses, authoritatively, for 30 seconds, under the client's number", () => {
    const reply = ask({ id: 0xbeef, name: orders });
    assert.deepEqual(reply?.answers, [{ name: orders, type: A, ttl: 30, data: "241.0.0.1" }]);
    assert.deepEqual(
      [reply.id, reply.isReply, reply.rcode, reply.authoritative, reply.truncated, reply.recursionAvailable],
      [0xbeef, true, 0, true, false, true],
    );
    assert.deepEqual(reply.authority, []);
    assert.equal(reply.edns, undefined);
  });

  test("is found in any spelling, and comes back as it was spelled", () => {
    const reply = ask({ name: "OrDers.SVC.mesh.LOCAL" });
    assert.equal(reply?.question?.name, "OrDers.SVC.mesh.LOCAL");
    assert.equal(reply.answers[0]?.name, "OrDers.SVC.mesh.LOCAL");
  });

  test("gives the addresses of the family that is asked for", () => {
    assert.deepEqual(
      ask({ name: "both.svc.mesh.local", type: AAAA })?.answers.map(({ data }) => data),
      ["fd00:fd12:0000:0000:0000:0000:0000:0002"],
    );
    assert.deepEqual(
      ask({ name: "both.svc.mesh.local" })?.answers.map(({ data }) => data),
      ["241.0.0.2"],
    );
  });

  for (const [what, name, type] of [
    ["IPv6", orders, AAAA],
    ["IPv4", "six.svc.mesh.local", A],
    ["texts", orders, TXT],
    ["services", orders, SRV],
    ["HTTPS records", orders, HTTPS],
    ["pointers", orders, PTR],
  ] as const) {
    test(`without ${what} exists all the same, and that may be remembered for 30 seconds`, () => {
      const reply = ask({ name, type });
      assert.deepEqual([reply?.rcode, reply?.answers.length, reply?.authoritative], [0, 0, true]);
      assert.deepEqual(
        reply?.authority.map((each) => [each.name, each.type, each.ttl]),
        [[name, SOA, 30]],
      );
      assert.match(reply?.authority[0]?.data ?? "", /0000001e$/);
    });
  }

  test("answers ANY with one set of records", () => {
    assert.deepEqual(
      ask({ name: "both.svc.mesh.local", type: ANY })?.answers.map(({ type }) => type),
      [A],
    );
    assert.deepEqual(
      ask({ name: "six.svc.mesh.local", type: ANY })?.answers.map(({ type }) => type),
      [AAAA],
    );
  });

  test("is led back to by its address, the first of several names", () => {
    const reply = ask({ name: "1.0.0.241.in-addr.arpa", type: PTR });
    assert.deepEqual(
      reply?.answers.map(({ data }) => data),
      [orders],
    );
    const six = `6.${"0.".repeat(23)}2.1.d.f.0.0.d.f.ip6.arpa`;
    assert.deepEqual(
      ask({ name: six, type: PTR })?.answers.map(({ data }) => data),
      ["six.svc.mesh.local"],
    );
    assert.equal(ask({ name: "9.0.0.241.in-addr.arpa", type: PTR }), undefined);
  });

  test("of another class, or only similar, is none", () => {
    assert.equal(ask({ name: orders, class: 3 }), undefined);
    assert.equal(ask({ name: `x.${orders}` }), undefined);
    assert.equal(ask({ name: "svc.mesh.local" }), undefined);
    assert.equal(ask({ name: "" }), undefined);
    assert.equal(ask({ name: orders, class: 255 })?.answers.length, 1);
  });

  test("keeps what the client set: recursion, no checking", () => {
    assert.equal(ask({ name: orders, flags: 0 })?.recursionDesired, false);
    const reply = ask({ name: orders, flags: 0x0110 });
    assert.deepEqual([reply?.recursionDesired, reply?.checkingDisabled], [true, true]);
  });
});

describe("EDNS", () => {
  test("is answered where it was used", () => {
    assert.deepEqual(ask({ name: orders, edns: 4096 })?.edns, {
      udpBytes: 1232,
      rcodeBits: 0,
      dnssecOk: false,
    });
    assert.equal(ask({ name: orders, edns: 4096, dnssecOk: true })?.edns?.dnssecOk, true);
  });

  test("of a later version is told which one there is", () => {
    const reply = ask({ name: orders, edns: 4096, ednsVersion: 1 });
    assert.deepEqual([reply?.rcode, reply?.edns?.rcodeBits, reply?.answers.length], [0, 1, 0]);
  });

  test("with options that are cut short is a format error", () => {
    const message = query({ name: orders, edns: 1232, options: Buffer.alloc(8) }).subarray(0, -1);
    const question = readQuestion(message);
    assert.ok(question !== undefined);
    assert.equal(decode(answerFromTable(message, question, TABLE, "udp") ?? Buffer.alloc(0)).rcode, 1);
  });
});

describe("an answer that is too large", () => {
  test("for UDP is cut off and says so; by TCP it is whole", () => {
    const name = "many.svc.mesh.local";
    const plain = ask({ name });
    assert.deepEqual([plain?.truncated, plain?.answers.length], [true, 0]);
    const edns = ask({ name, edns: 600 });
    assert.deepEqual([edns?.truncated, edns?.answers.length, edns?.edns?.udpBytes], [true, 0, 1232]);
    assert.equal(ask({ name, edns: 4096 })?.answers.length, 60);
    const tcp = ask({ name }, "tcp");
    assert.deepEqual([tcp?.truncated, tcp?.answers.length], [false, 60]);
  });

  test("counts a size below 512 as 512", () => {
    assert.equal(ask({ name: orders, edns: 1 })?.truncated, false);
  });
});

test("no packet, however broken, makes an answer that cannot be read", () => {
  const valid = query({ name: orders, edns: 1232, options: Buffer.from([0, 10, 0, 2, 1, 2]) });
  const mutated = fc
    .array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { maxLength: 6 })
    .chain((edits) => fc.record({ edits: fc.constant(edits), cut: fc.nat(valid.length) }));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated), (input) => {
      let message: Buffer;
      if (input instanceof Uint8Array) message = Buffer.from(input);
      else {
        message = Buffer.from(valid);
        for (const [at, value] of input.edits) message[at] = value;
        message = message.subarray(0, input.cut);
      }
      const question = readQuestion(message);
      if (question === undefined) return;
      for (const via of ["udp", "tcp"] as const) {
        const reply = answerFromTable(message, question, TABLE, via);
        if (reply === undefined) continue;
        const decoded = decode(reply);
        assert.equal(decoded.isReply, true);
        assert.equal(decoded.id, message.readUInt16BE(0));
      }
    }),
    { numRuns: 2_000 },
  );
});
