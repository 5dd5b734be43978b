import assert from "node:assert/strict";
import { randomBytes, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { openMemoryStore } from "../store/memory.ts";
import { ensureMtlsCa } from "./builtin.ts";
import type { CaEnvironment } from "./bundled.ts";
import { createCa } from "./ca.ts";
import { plaintextCipher } from "./secrets-cipher.ts";

async function environment(): Promise<CaEnvironment> {
  const store = openMemoryStore({ now: Date.now });
  const mesh = { type: "Mesh", mesh: "", name: "default", labels: {}, spec: {} };
  await store.write([{ op: "create", resource: mesh }]);
  const readFile = async (): Promise<string> => {
    throw new Error("ENOENT");
  };
  return { store, cipher: plaintextCipher, now: Date.now, random: randomBytes, readFile, env: {} };
}

test("a builtin backend has its CA in two secrets of the mesh", async () => {
  const env = await environment();
  const backend = { type: "builtin", name: "ca-1", conf: { caCert: { expiration: "1d" } } } as const;
  const first = await ensureMtlsCa(env, "default", backend);
  const second = await ensureMtlsCa(env, "default", backend);
  assert.ok(first.ok && second.ok);
  assert.equal(first.value.id, second.value.id);
  const dayMs = 24 * 3600_000;
  assert.ok(Math.abs(first.value.notAfter - Date.now() - dayMs) < 60_000, "a lifetime from now on");
  const certificate = new X509Certificate(first.value.certificatePem);
  assert.equal(certificate.subject, "CN=default");
  assert.equal(certificate.subjectAltName, "URI:spiffe://default");
  assert.deepEqual(
    env.store.list({ type: "Secret" }).map(({ mesh, name, owner }) => [mesh, name, owner?.name]),
    [
      ["default", "default.ca-builtin-cert-ca-1", "default"],
      ["default", "default.ca-builtin-key-ca-1", "default"],
    ],
  );
});

test("a provided backend reads its sources, and says which one is wrong", async () => {
  const env = await environment();
  const material = await createCa({
    commonName: "x",
    uri: "spiffe://x",
    now: Date.now(),
    random: randomBytes,
  });
  const cert = { inline: Buffer.from(material.certificatePem).toString("base64") };
  const key = { inlineString: material.privateKeyPem };
  const backend = { type: "provided", name: "mine", conf: { cert, key } } as const;
  assert.ok((await ensureMtlsCa(env, "default", backend)).ok);
  const broken = await ensureMtlsCa(env, "default", { ...backend, conf: { cert, key: { secret: "none" } } });
  assert.ok(!broken.ok);
  assert.match(broken.error, /backend "mine": conf\.key: Secret "none" does not exist/);
  const mismatch = await ensureMtlsCa(env, "default", { ...backend, conf: { cert, key: cert } });
  assert.ok(!mismatch.ok);
  assert.match(mismatch.error, /backend "mine": the CA private key/);
});
