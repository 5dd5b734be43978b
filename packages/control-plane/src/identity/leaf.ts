import type { CertificateAuthority } from "./ca.ts";
import { emptyName, signCertificate, toPem } from "./x509/certificate.ts";
import { authorityKeyIdentifier, extendedKeyUsage, keyUsage, subjectAltName } from "./x509/extensions.ts";
import { generateEcKeyPair } from "./x509/keys.ts";

/** What a workload certificate is made of. Times in milliseconds. */
export interface LeafRequest {
  /** In the order they get in the certificate; at least one. */
  readonly uris: readonly string[];
  readonly ttlMs: number;
  readonly now: number;
  readonly serial: Uint8Array;
}

/** An issued certificate with its private key. */
export interface Leaf {
  /** The leaf and, below a CA that is not self-signed, the intermediates. */
  readonly certChainPem: string;
  /** PKCS#8. */
  readonly privateKeyPem: string;
  readonly notBefore: number;
  readonly notAfter: number;
  /** Hex. */
  readonly serial: string;
}

const backdatingMs = 10_000;

/**
 * Issues an ECDSA P-256 workload certificate: empty subject, URI names, for servers and clients. It is valid from ten
 * seconds ago, so that a peer whose clock is behind accepts it, but never outside of the CA's own validity. Key and
 * signature are made on libuv's thread pool.
 * @throws Error when the CA is not valid now, a URI cannot stand in a certificate, or the key refuses to sign
 */
export async function issueLeaf(ca: CertificateAuthority, request: LeafRequest): Promise<Leaf> {
  if (request.now >= ca.notAfter) {
    throw new Error(`the CA certificate expired at ${new Date(ca.notAfter).toISOString()}`);
  }
  if (request.now < ca.notBefore) {
    throw new Error(`the CA certificate is valid only from ${new Date(ca.notBefore).toISOString()}`);
  }
  const notBefore = Math.max(wholeSeconds(request.now - backdatingMs), ca.notBefore);
  const notAfter = Math.min(wholeSeconds(request.now + request.ttlMs), ca.notAfter);
  const names = request.uris.map((value) => ({ kind: "uri", value }) as const);
  if (names.length === 0) throw new TypeError("a workload certificate needs at least one URI");
  const extensions = [
    keyUsage("digitalSignature", "keyEncipherment", "keyAgreement"),
    extendedKeyUsage("serverAuth", "clientAuth"),
    subjectAltName(names, true),
    ...(ca.subjectKeyId === undefined ? [] : [authorityKeyIdentifier(ca.subjectKeyId)]),
  ];
  const pair = await generateEcKeyPair();
  const certificate = await signCertificate(
    {
      serial: request.serial,
      issuer: ca.subject,
      subject: emptyName,
      notBefore,
      notAfter,
      publicKey: pair.publicKey,
      extensions,
    },
    ca.signer,
  );
  return {
    certChainPem: toPem("CERTIFICATE", certificate) + ca.chainPem,
    privateKeyPem: pair.privateKeyPem,
    notBefore,
    notAfter,
    serial: Buffer.from(request.serial).toString("hex"),
  };
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
