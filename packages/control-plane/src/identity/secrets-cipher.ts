import { createCipheriv, createDecipheriv } from "node:crypto";
import { keyString, type ResourceKey } from "@skein/model/resource";
import { failure, type Outcome, success } from "./outcome.ts";
import type { RandomBytes } from "./x509/serial.ts";

/** A key of the installation that secrets are encrypted with. */
export interface CipherKey {
  /** Written beside what the key encrypted, so that it is found again after a rotation. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/**
 * Encrypts private keys before they are stored. Every control plane that reads the secrets, zones included, needs the
 * same keys. Without keys it stores in clear, and still reads what is in clear after keys were added.
 */
export interface SecretsCipher {
  /** What to store in the resource `key`. Bound to it: a copy under another name does not open. */
  seal(plaintext: Uint8Array, key: ResourceKey): Uint8Array;
  /** What `seal` was given, or a sentence about the key that is missing or wrong. */
  open(stored: Uint8Array, key: ResourceKey): Outcome<Uint8Array, string>;
  /** Whether `seal` would encrypt this anew: it is in clear, or under a key that is not the first. */
  isOutdated(stored: Uint8Array): boolean;
}

const prefix = "skein-sealed:v1:";
const ivLength = 12;
const tagLength = 16;

/**
 * AES-256-GCM. The first key encrypts, all decrypt: to rotate, put the new key first, and drop the old one when
 * nothing is `isOutdated` any more.
 * @throws TypeError when a key is not 32 bytes, or an id is empty, repeated or contains a colon
 */
export function createSecretsCipher(keys: readonly CipherKey[], random: RandomBytes): SecretsCipher {
  for (const [index, { id, key }] of keys.entries()) {
    if (!/^[\w.-]+$/.test(id)) throw new TypeError(`encryption key id "${id}": use letters, digits, . _ -`);
    if (key.length !== 32) throw new TypeError(`encryption key "${id}" has ${key.length} bytes: it needs 32`);
    if (keys.findIndex((other) => other.id === id) !== index) {
      throw new TypeError(`encryption key id "${id}" is used twice`);
    }
  }
  const [first] = keys;
  return {
    seal(plaintext, key) {
      if (first === undefined) return plaintext;
      const iv = random(ivLength);
      const cipher = createCipheriv("aes-256-gcm", first.key, iv).setAAD(Buffer.from(keyString(key)));
      const sealed = Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
      return Buffer.from(`${prefix}${first.id}:${sealed.toString("base64")}`, "latin1");
    },
    open(stored, key) {
      const sealed = parseSealed(stored);
      if (sealed === undefined) return success(stored);
      const name = `${key.type} "${key.name}"`;
      const used = keys.find(({ id }) => id === sealed.keyId);
      if (used === undefined) {
        return failure(`${name} is encrypted with the key "${sealed.keyId}", which is not configured`);
      }
      try {
        const { bytes } = sealed;
        const decipher = createDecipheriv("aes-256-gcm", used.key, bytes.subarray(0, ivLength))
          .setAAD(Buffer.from(keyString(key)))
          .setAuthTag(bytes.subarray(-tagLength));
        return success(
          Buffer.concat([decipher.update(bytes.subarray(ivLength, -tagLength)), decipher.final()]),
        );
      } catch {
        return failure(
          `${name} cannot be decrypted with the key "${sealed.keyId}": the key has another value than when it was encrypted, or the data was changed`,
        );
      }
    },
    isOutdated(stored) {
      return first !== undefined && parseSealed(stored)?.keyId !== first.id;
    },
  };
}

/** Stores in clear: for installations without a key, and for tests. */
export const plaintextCipher: SecretsCipher = createSecretsCipher([], (length) => new Uint8Array(length));

function parseSealed(stored: Uint8Array): { readonly keyId: string; readonly bytes: Uint8Array } | undefined {
  const head = Buffer.from(stored.buffer, stored.byteOffset, Math.min(stored.length, prefix.length));
  if (head.toString("latin1") !== prefix) return undefined;
  const text = Buffer.from(stored).toString("latin1").slice(prefix.length);
  const colon = text.indexOf(":");
  return { keyId: text.slice(0, Math.max(colon, 0)), bytes: Buffer.from(text.slice(colon + 1), "base64") };
}
