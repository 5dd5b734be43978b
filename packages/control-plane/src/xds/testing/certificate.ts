import { createPrivateKey, randomBytes } from "node:crypto";
import { certificateSigner, commonName, signCertificate, toPem } from "../../identity/x509/certificate.ts";
import { basicConstraints, subjectAltName } from "../../identity/x509/extensions.ts";
import { generateEcKeyPair } from "../../identity/x509/keys.ts";

/** A self-signed certificate for loopback tests, PEM. */
export interface TestCertificate {
  readonly certPem: string;
  readonly keyPem: string;
}

/** Makes a self-signed CA certificate for `localhost` and the given loopback addresses. */
export async function makeTestCertificate(
  addresses: readonly string[] = ["127.0.0.1"],
): Promise<TestCertificate> {
  const keys = await generateEcKeyPair();
  const signer = certificateSigner(createPrivateKey(keys.privateKeyPem));
  if (signer === undefined) throw new Error("no signer for a P-256 key");
  const name = commonName("xds-test");
  const names = addresses.map((value) => ({ kind: "ip" as const, value }));
  const certificate = await signCertificate(
    {
      serial: Buffer.concat([Buffer.from([1]), randomBytes(8)]),
      issuer: name,
      subject: name,
      notBefore: Date.now() - 3_600_000,
      notAfter: Date.now() + 86_400_000,
      publicKey: keys.publicKey,
      extensions: [
        basicConstraints(true),
        subjectAltName([{ kind: "dns", value: "localhost" }, ...names], false),
      ],
    },
    signer,
  );
  return { certPem: toPem("CERTIFICATE", certificate), keyPem: keys.privateKeyPem };
}
