import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  DerError,
  der,
  derInteger,
  derOid,
  derSequence,
  derTag,
  derTime,
  readDer,
  readDerChildren,
} from "./der.ts";

test("what is written is read back", () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 5 });
  fc.assert(
    fc.property(parts, (contents) => {
      const written = derSequence(...contents.map((content) => der(derTag.octetString, content)));
      const read = readDerChildren(readDer(written));
      assert.deepEqual(
        read.map(({ content }) => [...content]),
        contents.map((content) => [...content]),
      );
    }),
  );
});

test("DER that ends early is refused wherever it ends", () => {
  const whole = derSequence(der(derTag.octetString, Buffer.alloc(300)));
  for (const length of [0, 1, 3, 5, whole.length - 1]) {
    assert.throws(() => readDer(whole.subarray(0, length)), DerError);
  }
  assert.throws(() => readDer(Buffer.from([0x30, 0x80, 0, 0])), DerError);
});

test("integers are minimal and positive", () => {
  const hex = (bytes: readonly number[]): string => derInteger(Buffer.from(bytes)).toString("hex");
  assert.equal(hex([0]), "020100");
  assert.equal(hex([0, 0, 5]), "020105");
  assert.equal(hex([0x80]), "02020080");
  assert.equal(hex([0, 0x7f, 0xff]), "02027fff");
});

test("object identifiers use base 128", () => {
  assert.equal(derOid("1.2.840.113549.1.1.11").toString("hex"), "06092a864886f70d01010b");
  assert.equal(derOid("2.5.29.17").toString("hex"), "0603551d11");
});

test("times from 2050 are written with four digits of the year", () => {
  assert.equal(derTime(Date.UTC(2049, 11, 31, 23, 59, 59)).toString("latin1", 2), "491231235959Z");
  assert.equal(derTime(Date.UTC(2050, 0, 1)).toString("latin1", 2), "20500101000000Z");
});
