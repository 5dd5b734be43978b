import type { SecretSpec } from "@skein/model/kinds/secret";
import type { NewResource, Resource, ResourceKey } from "@skein/model/resource";
import { type Store, StoreError, type Write } from "../store/store.ts";
import { failure, type Outcome, success } from "./outcome.ts";
import type { SecretsCipher } from "./secrets-cipher.ts";

/** Secrets of the store as bytes, encrypted at rest where the cipher has a key. */
export interface Secrets {
  readonly store: Store;
  readonly cipher: SecretsCipher;
}

/** The key of a mesh's Secret. */
export function secretKey(mesh: string, name: string): ResourceKey {
  return { type: "Secret", mesh, name };
}

/** The key of a GlobalSecret. */
export function globalSecretKey(name: string): ResourceKey {
  return { type: "GlobalSecret", mesh: "", name };
}

/** The bytes of a secret resource, or a sentence why they cannot be read. */
export function openSecret(
  cipher: SecretsCipher,
  secret: Resource | NewResource,
): Outcome<Uint8Array, string> {
  const { type, mesh, name } = secret;
  const data = isSecretSpec(secret.spec) ? secret.spec.data : undefined;
  return cipher.open(Buffer.from(data ?? "", "base64"), { type, mesh, name });
}

/** Reads the text of secret resources. */
export function secretText(cipher: SecretsCipher): (secret: Resource) => Outcome<string, string> {
  return (secret) => {
    const bytes = openSecret(cipher, secret);
    return bytes.ok ? success(textOf(bytes.value)) : bytes;
  };
}

/** The bytes of a stored secret; undefined where there is none. */
export function readSecret(
  { store, cipher }: Secrets,
  key: ResourceKey,
): Outcome<Uint8Array, string> | undefined {
  const found = store.get(key);
  return found && openSecret(cipher, found);
}

/** A secret to store, sealed. Those that the control plane makes itself carry no labels. */
export function sealSecret(
  cipher: SecretsCipher,
  key: ResourceKey,
  value: Uint8Array | string,
  owner?: ResourceKey,
): NewResource<SecretSpec> {
  const data = Buffer.from(cipher.seal(Buffer.from(value), key)).toString("base64");
  return { ...key, labels: {}, spec: { data }, ...(owner && { owner }) };
}

/**
 * Creates secrets, all or none. False where one exists by now: somebody else was first, so the caller reads again.
 * @throws StoreError for every other reason
 */
export async function createSecrets(store: Store, secrets: readonly NewResource[]): Promise<boolean> {
  try {
    await store.write(secrets.map((resource): Write => ({ op: "create", resource })));
    return true;
  } catch (error) {
    if (error instanceof StoreError && (error.code === "already-exists" || error.code === "conflict"))
      return false;
    throw error;
  }
}

/** A stored pair of PEM texts: absent, complete, or a sentence what is wrong with it. */
export function readSecretPair(
  secrets: Secrets,
  certificate: ResourceKey,
  privateKey: ResourceKey,
): Outcome<{ readonly certificatePem: string; readonly privateKeyPem: string } | undefined, string> {
  const first = readSecret(secrets, certificate);
  const second = readSecret(secrets, privateKey);
  if (first === undefined && second === undefined) return success(undefined);
  if (first === undefined || second === undefined) {
    const [present, absent] = first === undefined ? [privateKey, certificate] : [certificate, privateKey];
    return failure(
      `Secret "${present.name}" exists but "${absent.name}" does not: restore it, or delete "${present.name}" too to have a new CA made`,
    );
  }
  if (!first.ok) return first;
  if (!second.ok) return second;
  return success({ certificatePem: textOf(first.value), privateKeyPem: textOf(second.value) });
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}

function isSecretSpec(spec: unknown): spec is SecretSpec {
  return typeof spec === "object" && spec !== null && (!("data" in spec) || typeof spec.data === "string");
}
