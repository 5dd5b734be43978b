import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createDeframer } from "./grpc-framing.ts";

function frame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

test("messages come out as they went in, wherever the chunks are cut", () => {
  const arbitrary = fc.tuple(
    fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 6 }),
    fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 10 }),
  );
  fc.assert(
    fc.property(arbitrary, ([messages, cuts]) => {
      const bytes = Buffer.concat(messages.map(frame));
      const deframer = createDeframer(100);
      const out: string[] = [];
      for (let at = 0, turn = 0; at < bytes.length; turn++) {
        const length = cuts[turn % cuts.length] ?? 1;
        const { messages: whole, error } = deframer.push(bytes.subarray(at, at + length));
        assert.equal(error, undefined);
        out.push(...whole.map((message) => message.toString("hex")));
        at += length;
      }
      assert.deepEqual(
        out,
        messages.map((message) => Buffer.from(message).toString("hex")),
      );
      assert.equal(deframer.partial, false);
    }),
  );
});

test("streams whose chunks alternate do not mix", () => {
  const one = Buffer.concat([frame(Buffer.from("first of one")), frame(Buffer.from("second of one"))]);
  const two = Buffer.concat([frame(Buffer.from("first of two")), frame(Buffer.from("second of two"))]);
  const sides = [one, two].map((bytes) => ({ bytes, deframer: createDeframer(100), out: [] as string[] }));
  for (let at = 0; at < one.length; at += 12) {
    for (const { bytes, deframer, out } of sides) {
      out.push(...deframer.push(bytes.subarray(at, at + 12)).messages.map(String));
    }
  }
  assert.deepEqual(
    sides.map(({ out }) => out),
    [
      ["first of one", "second of one"],
      ["first of two", "second of two"],
    ],
  );
});

test("a message larger than what chunks are put together in comes out whole", () => {
  const message = Buffer.alloc(300_000, "skein");
  const bytes = frame(message);
  const deframer = createDeframer(message.length);
  assert.deepEqual(deframer.push(bytes.subarray(0, 100_000)).messages, []);
  assert.deepEqual(deframer.push(bytes.subarray(100_000)).messages, [message]);
});

test("a message over the limit is refused by its prefix, after those before it", () => {
  const deframer = createDeframer(10);
  const { messages, error } = deframer.push(
    Buffer.concat([frame(Buffer.alloc(10)), Buffer.from([0, 0, 0, 0, 11])]),
  );
  assert.equal(messages.length, 1);
  assert.equal(error?.status, "resource-exhausted");
  assert.equal(deframer.push(frame(Buffer.alloc(1))).messages.length, 0);
});
