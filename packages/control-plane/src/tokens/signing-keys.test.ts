import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, randomBytes } from "node:crypto";
import { test } from "node:test";
import { globalSecretKey, secretKey } from "../identity/secrets.ts";
import { createSecretsCipher, plaintextCipher } from "../identity/secrets-cipher.ts";
import { generateRsaKeyPem } from "./rsa-keys.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { tokenWorld } from "./testing.ts";
import { dataplaneTokens, userTokens, zoneTokens } from "./token-family.ts";

const family = dataplaneTokens("default");
const pem = await generateRsaKeyPem();

test("the first key is made once, in the mesh, as PEM of PKCS#1, and goes with the mesh", async () => {
  const { keys, secrets } = await tokenWorld();
  assert.equal(keys.newest(family), undefined);
  await Promise.all([keys.ensure(family), keys.ensure(family)]);
  await keys.ensure(family);
  const [secret, ...more] = secrets.store.list({ type: "Secret" });
  assert.equal(more.length, 0);
  assert.equal(secret?.name, "dataplane-token-signing-key-default-1");
  assert.equal(secret.mesh, "default");
  const stored = Buffer.from((secret.spec as { data: string }).data, "base64").toString();
  assert.match(stored, /^-----BEGIN RSA PRIVATE KEY-----\n/);
  assert.equal(createPrivateKey(stored).asymmetricKeyDetails?.modulusLength, 2048);
  await secrets.store.write([{ op: "delete", key: { type: "Mesh", mesh: "", name: "default" } }]);
  assert.equal(keys.newest(family), undefined);
});

test("keys of zones and users are global", async () => {
  const { keys, secrets } = await tokenWorld();
  await keys.ensure(zoneTokens);
  await keys.ensure(userTokens);
  assert.deepEqual(
    secrets.store.list({ type: "GlobalSecret" }).map(({ mesh, name }) => [mesh, name]),
    [
      ["", "user-token-signing-key-1"],
      ["", "zone-token-signing-key-1"],
    ],
  );
});

test("the highest serial signs, by number and not by letter; what is no serial is left out", async () => {
  const { keys, put } = await tokenWorld();
  const newest = (): string | undefined => {
    const key = keys.newest(family);
    return key?.ok ? key.value.kid : key?.error;
  };
  await put(secretKey("default", "dataplane-token-signing-key-default"), pem);
  assert.equal(newest(), "0");
  for (const serial of ["2", "0010", "9", "x", "11-old"]) {
    await put(secretKey("default", `dataplane-token-signing-key-default-${serial}`), pem);
  }
  assert.equal(newest(), "10");
});

test("a key is found whatever zeros its name has, PEM or DER, private or only public", async () => {
  const { keys, put } = await tokenWorld();
  const found = (kid: string): number => keys.verificationKeys(zoneTokens, kid).filter(({ ok }) => ok).length;
  await put(globalSecretKey("zone-token-signing-key-0002"), pem);
  await put(
    globalSecretKey("zone-token-signing-key-3"),
    createPrivateKey(pem).export({ type: "pkcs1", format: "der" }),
  );
  await put(globalSecretKey("zone-token-signing-key"), pem);
  assert.deepEqual(["2", "0002", "3", "0", "4", "", "x", "2.5"].map(found), [1, 1, 1, 1, 0, 0, 0, 0]);
  const publicPem = createPublicKey(pem).export({ type: "pkcs1", format: "pem" });
  await put(globalSecretKey("zone-token-signing-public-key-5"), publicPem.toString());
  assert.equal(found("5"), 1);
  assert.equal(keys.newest(zoneTokens)?.ok, true, "a public key signs nothing");
  await put(globalSecretKey("zone-token-signing-public-key-6"), pem);
  assert.equal(found("6"), 0);
});

test("a key that cannot be used is told, and noticed again when it is replaced", async () => {
  const { keys, put } = await tokenWorld();
  await put(globalSecretKey("user-token-signing-key-1"), "nonsense");
  const broken = keys.newest(userTokens);
  assert.ok(broken && !broken.ok);
  assert.match(broken.error, /"user-token-signing-key-1" cannot be used: it is not an RSA private key/);
  await put(globalSecretKey("user-token-signing-key-1"), pem);
  assert.ok(keys.newest(userTokens)?.ok);
});

test("with a cipher a key is stored encrypted and still signs", async () => {
  const { secrets } = await tokenWorld();
  const cipher = createSecretsCipher([{ id: "k", key: randomBytes(32) }], randomBytes);
  const keys = createSigningKeys({ store: secrets.store, cipher });
  await keys.ensure(userTokens);
  assert.ok(keys.newest(userTokens)?.ok);
  const without = createSigningKeys({ store: secrets.store, cipher: plaintextCipher }).newest(userTokens);
  assert.ok(without && !without.ok);
  assert.match(without.error, /is encrypted with the key "k"/);
});
