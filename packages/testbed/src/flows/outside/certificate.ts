import assert from "node:assert/strict";
import { createPrivateKey, randomBytes } from "node:crypto";
import {
  certificateSigner,
  commonName,
  signCertificate,
  toPem,
} from "@skein/control-plane/identity/x509/certificate";
import { basicConstraints, subjectAltName } from "@skein/control-plane/identity/x509/extensions";
import { generateEcKeyPair } from "@skein/control-plane/identity/x509/keys";

/** A certificate for these names that is its own authority, and its key: PEM, good for a day. */
export async function serverCertificate(
  names: readonly string[],
): Promise<{ readonly certificate: string; readonly key: string }> {
  const keys = await generateEcKeyPair();
  const signer = certificateSigner(createPrivateKey(keys.privateKeyPem));
  assert.ok(signer);
  const name = commonName("outside");
  const dns = names.map((value) => ({ kind: "dns" as const, value }));
  const certificate = await signCertificate(
    {
      serial: Buffer.concat([Buffer.from([1]), randomBytes(8)]),
      issuer: name,
      subject: name,
      notBefore: Date.now() - 3_600_000,
      notAfter: Date.now() + 86_400_000,
      publicKey: keys.publicKey,
      extensions: [basicConstraints(true), subjectAltName(dns, false)],
    },
    signer,
  );
  return { certificate: toPem("CERTIFICATE", certificate), key: keys.privateKeyPem };
}
