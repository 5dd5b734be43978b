import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { globalSecretKey, secretKey } from "./secrets.ts";
import { createSecretsCipher, plaintextCipher } from "./secrets-cipher.ts";

const name = secretKey("default", "ca-key");
const one = { id: "one", key: randomBytes(32) };
const two = { id: "two", key: randomBytes(32) };

test("what was sealed opens to the same bytes, with and without a key", () => {
  const ciphers = [plaintextCipher, createSecretsCipher([one], randomBytes)];
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom(...ciphers), (bytes, cipher) => {
      const opened = cipher.open(cipher.seal(bytes, name), name);
      assert.ok(opened.ok);
      assert.deepEqual([...opened.value], [...bytes]);
    }),
  );
});

test("nothing of the plaintext is stored, and the same text never looks the same twice", () => {
  const cipher = createSecretsCipher([one], randomBytes);
  const secret = Buffer.from("-----BEGIN PRIVATE KEY-----");
  const sealed = Buffer.from(cipher.seal(secret, name));
  assert.match(sealed.toString("latin1"), /^skein-sealed:v1:one:[A-Za-z0-9+/=]+$/);
  assert.ok(!sealed.toString("latin1").includes(secret.toString("base64").slice(0, 8)));
  assert.notDeepEqual(cipher.seal(secret, name), sealed);
});

test("keys rotate: the first seals, all open, and what is left of the old one can be found", () => {
  const old = createSecretsCipher([one], randomBytes);
  const rotating = createSecretsCipher([two, one], randomBytes);
  const stored = old.seal(Buffer.from("x"), name);
  assert.deepEqual(rotating.open(stored, name), { ok: true, value: Buffer.from("x") });
  assert.ok(rotating.isOutdated(stored));
  const renewed = rotating.seal(Buffer.from("x"), name);
  assert.ok(!rotating.isOutdated(renewed));
  assert.ok(createSecretsCipher([two], randomBytes).open(renewed, name).ok);
});

test("what was stored before there was a key still opens, and counts as outdated", () => {
  const cipher = createSecretsCipher([one], randomBytes);
  const stored = plaintextCipher.seal(Buffer.from("x"), name);
  assert.deepEqual(cipher.open(stored, name), { ok: true, value: Buffer.from("x") });
  assert.ok(cipher.isOutdated(stored));
  assert.ok(!plaintextCipher.isOutdated(stored));
});

test("a missing key, a wrong key and changed data each say what is wrong", () => {
  const stored = createSecretsCipher([one], randomBytes).seal(Buffer.from("x"), name);
  const messageOf = (outcome: { ok: boolean; error?: string }): string => outcome.error ?? "opened";
  const wrong = { id: "one", key: randomBytes(32) };
  assert.match(messageOf(plaintextCipher.open(stored, name)), /"one", which is not configured/);
  assert.match(messageOf(createSecretsCipher([wrong], randomBytes).open(stored, name)), /another value/);
  const cipher = createSecretsCipher([one], randomBytes);
  assert.match(messageOf(cipher.open(stored, globalSecretKey("ca-key"))), /cannot be decrypted/);
  const cut = stored.subarray(0, 30);
  assert.match(messageOf(cipher.open(cut, name)), /cannot be decrypted/);
});

test("keys of the wrong size and ids that cannot be told apart are refused at start", () => {
  assert.throws(() => createSecretsCipher([{ id: "k", key: randomBytes(16) }], randomBytes), /16 bytes/);
  assert.throws(() => createSecretsCipher([one, one], randomBytes), /twice/);
  assert.throws(() => createSecretsCipher([{ id: "a:b", key: one.key }], randomBytes), /letters/);
});
