import { createPrivateKey, randomBytes } from "node:crypto";
import { isIP } from "node:net";
import { certificateSigner, commonName, signCertificate, toPem } from "../../identity/x509/certificate.ts";
import { basicConstraints, subjectAltName } from "../../identity/x509/extensions.ts";
import { generateEcKeyPair } from "../../identity/x509/keys.ts";

/** A certificate that is its own authority, and its key: PEM. */
export interface TestCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Makes a certificate for these host names and addresses that is its own authority, good for a day. */
export async function makeTestCertificate(
  hosts: readonly string[] = ["localhost", "127.0.0.1"],
): Promise<TestCertificate> {
  const keys = await generateEcKeyPair();
  const signer = certificateSigner(createPrivateKey(keys.privateKeyPem));
  if (signer === undefined) throw new Error("no signer for a P-256 key");
  const name = commonName("test");
  const names = hosts.map((value) => ({ kind: isIP(value) === 0 ? "dns" : "ip", value }) as const);
  const certificate = await signCertificate(
    {
      serial: Buffer.concat([Buffer.from([1]), randomBytes(8)]),
      issuer: name,
      subject: name,
      notBefore: Date.now() - 3_600_000,
      notAfter: Date.now() + 86_400_000,
      publicKey: keys.publicKey,
      extensions: [basicConstraints(true), subjectAltName(names, false)],
    },
    signer,
  );
  return { certPem: toPem("CERTIFICATE", certificate), keyPem: keys.privateKeyPem };
}
