import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { test } from "node:test";
import { type CaErrorCode, type CaMaterial, createCa, loadCa } from "./ca.ts";
import { certificateSigner, commonName, keyIdentifier, signCertificate, toPem } from "./x509/certificate.ts";
import { basicConstraints, keyUsage, subjectKeyIdentifier } from "./x509/extensions.ts";

const now = Math.floor(Date.now() / 1000) * 1000;
const dayMs = 24 * 3600_000;

function newCaMaterial(name = "td.example", lifetimeMs?: number): Promise<CaMaterial> {
  const lifetime = lifetimeMs === undefined ? {} : { lifetimeMs };
  return createCa({ commonName: name, uri: `spiffe://${name}`, now, random: randomBytes, ...lifetime });
}

function errorOf(material: CaMaterial, at = now, allowSelfSigned = true): CaErrorCode | undefined {
  const loaded = loadCa(material, { now: at, allowSelfSigned });
  return loaded.ok ? undefined : loaded.error.code;
}

/** A certificate for a new key, signed by `issuer` or by itself. */
async function certify(
  key: ReturnType<typeof createPrivateKey>,
  publicKey: Buffer,
  issuer?: CaMaterial,
  isCa = true,
): Promise<string> {
  const signer = certificateSigner(issuer ? createPrivateKey(issuer.privateKeyPem) : key);
  assert.ok(signer);
  const certificate = await signCertificate(
    {
      serial: Buffer.from([1]),
      issuer: issuer ? commonName("td.example") : commonName("sub"),
      subject: commonName("sub"),
      notBefore: now - 1000,
      notAfter: now + dayMs,
      publicKey,
      extensions: [
        basicConstraints(isCa),
        keyUsage(isCa ? "keyCertSign" : "digitalSignature"),
        subjectKeyIdentifier(keyIdentifier(publicKey)),
      ],
    },
    signer,
  );
  return toPem("CERTIFICATE", certificate);
}

test("a new CA has the name, the SPIFFE id and the ten years it should have", async () => {
  const { certificatePem, privateKeyPem } = await newCaMaterial();
  const certificate = new X509Certificate(certificatePem);
  assert.equal(certificate.subject, "CN=td.example");
  assert.equal(certificate.subjectAltName, "URI:spiffe://td.example");
  assert.equal(certificate.validFromDate.getTime(), now - dayMs);
  assert.equal(certificate.validToDate.getTime(), now + 3650 * dayMs);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  assert.ok(certificate.ca);
  assert.ok(certificate.verify(certificate.publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(privateKeyPem)));
  assert.notEqual((await newCaMaterial()).certificatePem, certificatePem);
});

test("each way in which material is no CA has its own error", async () => {
  const ca = await newCaMaterial();
  const other = await newCaMaterial();
  assert.equal(errorOf(ca), undefined);
  assert.equal(errorOf({ ...ca, certificatePem: "nothing" }), "bad-certificate");
  const broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
  assert.equal(errorOf({ ...ca, certificatePem: broken }), "bad-certificate");
  assert.equal(errorOf({ ...ca, privateKeyPem: ca.certificatePem }), "bad-private-key");
  assert.equal(errorOf({ ...ca, privateKeyPem: other.privateKeyPem }), "key-mismatch");
  assert.equal(errorOf(ca, now, false), "self-signed");
  assert.equal(errorOf(ca, now + 3651 * dayMs), "expired");
  assert.equal(errorOf(ca, now - dayMs - 1), "not-yet-valid");
  assert.equal(errorOf({ ...ca, certificatePem: ca.certificatePem + other.certificatePem }), "broken-chain");
});

test("a certificate without CA:TRUE is no CA", async () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = pair.publicKey.export({ type: "spki", format: "der" });
  const certificatePem = await certify(pair.privateKey, spki, undefined, false);
  const privateKeyPem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  assert.equal(errorOf({ certificatePem, privateKeyPem }), "not-a-ca");
});

const keyPairs = {
  "P-384": () => generateKeyPairSync("ec", { namedCurve: "P-384" }),
  "P-521": () => generateKeyPairSync("ec", { namedCurve: "P-521" }),
  "RSA 2048": () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  Ed25519: () => generateKeyPairSync("ed25519"),
};

for (const [kind, generate] of Object.entries(keyPairs)) {
  test(`a CA below another one may have a key of kind ${kind}`, async () => {
    const root = await newCaMaterial();
    const pair = generate();
    const spki = pair.publicKey.export({ type: "spki", format: "der" });
    const certificatePem = (await certify(pair.privateKey, spki, root)) + root.certificatePem;
    const privateKeyPem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const loaded = loadCa({ certificatePem, privateKeyPem }, { now, allowSelfSigned: false });
    assert.ok(loaded.ok, JSON.stringify(loaded));
    assert.equal(loaded.value.selfSigned, false);
    assert.equal(new X509Certificate(loaded.value.chainPem).subject, "CN=sub");
    assert.equal(loaded.value.chainPem.match(/BEGIN/g)?.length, 1, "the root is not sent");
    assert.equal(loaded.value.trustPem, certificatePem);
    assert.ok(loaded.value.hasRoot);
    const alone = loadCa(
      { certificatePem: loaded.value.certificatePem, privateKeyPem },
      { now, allowSelfSigned: false },
    );
    assert.ok(alone.ok && !alone.value.hasRoot);
  });
}

test("a key that Envoy cannot verify with is refused", async () => {
  const pair = generateKeyPairSync("ec", { namedCurve: "secp256k1" });
  const ca = await newCaMaterial();
  const privateKeyPem = pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  assert.equal(errorOf({ ...ca, privateKeyPem }), "unsupported-key");
});
