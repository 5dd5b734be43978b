import { createPublicKey, type KeyObject } from "node:crypto";
import type { SecretSpec } from "@skein/model/kinds/secret";
import type { NewResource, Resource, ResourceKey } from "@skein/model/resource";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import { createSecrets, openSecret, type Secrets, sealSecret } from "../identity/secrets.ts";
import type { SecretsCipher } from "../identity/secrets-cipher.ts";
import { generateRsaKeyPem, parseRsaPrivateKey, parseRsaPublicKey } from "./rsa-keys.ts";
import type { TokenFamily } from "./token-family.ts";

/** A key that signs tokens. */
export interface SigningKey {
  /** The serial in decimal, without leading zeros: what goes into a token's header. */
  readonly kid: string;
  readonly secret: Resource;
  readonly privateKey: KeyObject;
}

/** A key that verifies tokens, and the secret it came from. */
export interface VerificationKey {
  readonly publicKey: KeyObject;
  readonly secret: Resource;
}

/** The signing keys in a store; parsed keys are kept as long as their secret is unchanged. */
export interface SigningKeys {
  /** The key with the highest serial; undefined where there is none, a sentence where it cannot be read. */
  newest(family: TokenFamily): Outcome<SigningKey, string> | undefined;
  /** All keys of a serial: leading zeros in a secret's name do not count. Unreadable ones are sentences. */
  verificationKeys(family: TokenFamily, kid: string): readonly Outcome<VerificationKey, string>[];
  /**
   * Makes the first key where there is none.
   * @throws StoreError when the store cannot be written
   */
  ensure(family: TokenFamily): Promise<void>;
}

/** Reads and makes the signing keys of a store. */
export function createSigningKeys(secrets: Secrets): SigningKeys {
  const { store, cipher } = secrets;
  const privateKeys = new WeakMap<Resource, Outcome<KeyObject, string>>();
  const publicKeys = new WeakMap<Resource, Outcome<KeyObject, string>>();

  function privateKey(secret: Resource): Outcome<KeyObject, string> {
    return cached(privateKeys, secret, () => parseSecret(cipher, secret, parseRsaPrivateKey));
  }

  function publicKey(secret: Resource, prefix: string, family: TokenFamily): Outcome<KeyObject, string> {
    return cached(publicKeys, secret, () => {
      if (prefix === family.publicPrefix) return parseSecret(cipher, secret, parseRsaPublicKey);
      const key = privateKey(secret);
      return key.ok ? success(createPublicKey(key.value)) : key;
    });
  }

  function list(family: TokenFamily, prefix: string): readonly { secret: Resource; serial: number }[] {
    return store
      .list({ type: family.type, mesh: family.mesh })
      .flatMap((secret) => {
        const serial = serialOf(secret.name, prefix);
        return serial === undefined ? [] : [{ secret, serial }];
      })
      .sort((one, other) => other.serial - one.serial || one.secret.name.length - other.secret.name.length);
  }

  return {
    newest(family) {
      const found = list(family, family.signingPrefix)[0];
      if (found === undefined) return undefined;
      const key = privateKey(found.secret);
      return key.ok
        ? success({ kid: String(found.serial), secret: found.secret, privateKey: key.value })
        : key;
    },
    verificationKeys(family, kid) {
      const wanted = parseSerial(kid);
      if (wanted === undefined) return [];
      const prefixes = [family.signingPrefix, ...(family.publicPrefix ? [family.publicPrefix] : [])];
      return prefixes.flatMap((prefix) =>
        list(family, prefix).flatMap(({ secret, serial }) => {
          if (serial !== wanted) return [];
          const key = publicKey(secret, prefix, family);
          return [key.ok ? success({ publicKey: key.value, secret }) : key];
        }),
      );
    },
    async ensure(family) {
      if (list(family, family.signingPrefix).length > 0) return;
      await createSecrets(store, [await newSigningKey(cipher, family, 1)]);
    },
  };
}

/** A new signing key as a secret to store: for a transaction of the caller's, e.g. the one that creates a mesh. */
export async function newSigningKey(
  cipher: SecretsCipher,
  family: TokenFamily,
  serial: number,
): Promise<NewResource<SecretSpec>> {
  const key: ResourceKey = {
    type: family.type,
    mesh: family.mesh,
    name: `${family.signingPrefix}-${serial}`,
  };
  const owner = family.mesh === "" ? undefined : { type: "Mesh", mesh: "", name: family.mesh };
  return sealSecret(cipher, key, await generateRsaKeyPem(), owner);
}

function serialOf(name: string, prefix: string): number | undefined {
  if (name === prefix) return 0;
  return name.startsWith(`${prefix}-`) ? parseSerial(name.slice(prefix.length + 1)) : undefined;
}

function parseSerial(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function parseSecret(
  cipher: SecretsCipher,
  secret: Resource,
  parse: (bytes: Uint8Array) => Outcome<KeyObject, string>,
): Outcome<KeyObject, string> {
  const bytes = openSecret(cipher, secret);
  if (!bytes.ok) return bytes;
  const key = parse(bytes.value);
  return key.ok ? key : failure(`${secret.type} "${secret.name}" cannot be used: ${key.error}`);
}

function cached<Value>(cache: WeakMap<Resource, Value>, secret: Resource, make: () => Value): Value {
  const known = cache.get(secret);
  if (known !== undefined) return known;
  const made = make();
  cache.set(secret, made);
  return made;
}
