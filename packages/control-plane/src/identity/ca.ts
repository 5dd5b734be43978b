import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { failure, type Outcome, success } from "./outcome.ts";
import {
  type CertificateSigner,
  certificateSigner,
  commonName,
  keyIdentifier,
  readCertificateNames,
  signCertificate,
  toPem,
} from "./x509/certificate.ts";
import { basicConstraints, keyUsage, subjectAltName, subjectKeyIdentifier } from "./x509/extensions.ts";
import { generateEcKeyPair } from "./x509/keys.ts";
import { type RandomBytes, randomSerial } from "./x509/serial.ts";

/** A certificate authority that is ready to issue: checked, parsed once, shared by all that issue from it. */
export interface CertificateAuthority {
  /** SHA-256 of the certificate, in hex: other material is another id. */
  readonly id: string;
  /** The issuing certificate alone. */
  readonly certificatePem: string;
  /** What peers trust: the issuing certificate, and those above it as far as they were given. */
  readonly trustPem: string;
  /**
   * Whether what peers trust includes a root. Envoy's SPIFFE validator, unlike its other one, accepts no chain that
   * ends below a self-signed certificate, so without it somebody has to add the root to a MeshTrust.
   */
  readonly hasRoot: boolean;
  /** What goes below a leaf: empty for a self-signed CA, else the issuing certificate and those above it, without the root. */
  readonly chainPem: string;
  readonly selfSigned: boolean;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly signer: CertificateSigner;
  /** DER of the subject's Name. */
  readonly subject: Uint8Array;
  readonly subjectKeyId: Uint8Array | undefined;
}

/** Certificate and private key as they are stored. */
export interface CaMaterial {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export type CaErrorCode =
  | "bad-certificate"
  | "bad-private-key"
  | "unsupported-key"
  | "not-a-ca"
  | "expired"
  | "not-yet-valid"
  | "key-mismatch"
  | "broken-chain"
  | "self-signed";

/** Why material cannot serve as a CA. `message` is a sentence for its owner. */
export interface CaError {
  readonly code: CaErrorCode;
  readonly message: string;
}

const yearMs = 365 * 24 * 3600_000;
/** Within a day a clock may be set back without a CA of ours being from the future, which would issue nothing. */
const backdatingMs = 24 * 3600_000;

/** What a new self-signed CA is made of. */
export interface NewCa {
  readonly commonName: string;
  /** The SPIFFE id of the CA: `spiffe://<trust domain>`. */
  readonly uri: string;
  readonly now: number;
  /** Ten years by default. */
  readonly lifetimeMs?: number;
  readonly random: RandomBytes;
}

/** Makes a self-signed ECDSA P-256 CA, valid from a day ago until its lifetime from now has passed. */
export async function createCa(ca: NewCa): Promise<CaMaterial> {
  const pair = await generateEcKeyPair();
  const signer = certificateSigner(createPrivateKey(pair.privateKeyPem));
  if (signer === undefined) throw new Error("a P-256 key has no signer");
  const name = commonName(ca.commonName);
  const certificate = await signCertificate(
    {
      serial: randomSerial(ca.random),
      issuer: name,
      subject: name,
      notBefore: ca.now - backdatingMs,
      notAfter: ca.now + (ca.lifetimeMs ?? 10 * yearMs),
      publicKey: pair.publicKey,
      extensions: [
        basicConstraints(true),
        keyUsage("keyCertSign", "cRLSign"),
        subjectKeyIdentifier(keyIdentifier(pair.publicKey)),
        subjectAltName([{ kind: "uri", value: ca.uri }], false),
      ],
    },
    signer,
  );
  return { certificatePem: toPem("CERTIFICATE", certificate), privateKeyPem: pair.privateKeyPem };
}

/** How strictly `loadCa` looks. */
export interface LoadCaOptions {
  readonly now: number;
  readonly allowSelfSigned: boolean;
}

/**
 * Checks and parses a CA with an EC (P-256, P-384, P-521), RSA or Ed25519 key. The certificate may be followed by the
 * ones that issued it, each after the one it issued.
 */
export function loadCa(material: CaMaterial, options: LoadCaOptions): Outcome<CertificateAuthority, CaError> {
  const certificates = parseCertificates(material.certificatePem);
  const certificate = certificates?.[0];
  if (certificates === undefined || certificate === undefined) {
    return refused("bad-certificate", "the CA certificate is not PEM of an X.509 certificate");
  }
  const key = parsePrivateKey(material.privateKeyPem);
  if (key === undefined) {
    return refused("bad-private-key", "the CA private key is not an unencrypted private key in PEM");
  }
  const signer = certificateSigner(key);
  if (signer === undefined) {
    return refused("unsupported-key", "the CA private key must be EC (P-256, P-384, P-521), RSA or Ed25519");
  }
  if (!certificate.ca) {
    return refused("not-a-ca", "the CA certificate may not sign others: it needs CA:TRUE and keyCertSign");
  }
  if (!certificate.checkPrivateKey(key)) {
    return refused("key-mismatch", "the CA private key does not belong to the CA certificate");
  }
  const notBefore = certificate.validFromDate.getTime();
  const notAfter = certificate.validToDate.getTime();
  if (options.now >= notAfter) {
    return refused("expired", `the CA certificate expired at ${certificate.validToDate.toISOString()}`);
  }
  if (options.now < notBefore) {
    return refused(
      "not-yet-valid",
      `the CA certificate is valid only from ${certificate.validFromDate.toISOString()}`,
    );
  }
  const broken = certificates.findIndex((each, index) => {
    const issuer = certificates[index + 1];
    return issuer !== undefined && !(each.checkIssued(issuer) && each.verify(issuer.publicKey));
  });
  if (broken >= 0) {
    return refused(
      "broken-chain",
      `certificate ${broken + 2} of the CA certificate's PEM did not issue certificate ${broken + 1}`,
    );
  }
  const selfSigned = isSelfSigned(certificate);
  if (selfSigned && !options.allowSelfSigned) {
    return refused("self-signed", "self-signed certificates are not allowed");
  }
  const intermediates = certificates.filter((each) => !isSelfSigned(each));
  return success({
    id: certificateId(certificate),
    certificatePem: pemOf([certificate]),
    trustPem: pemOf(certificates),
    hasRoot: intermediates.length < certificates.length,
    chainPem: pemOf(intermediates),
    selfSigned,
    notBefore,
    notAfter,
    signer,
    ...readCertificateNames(certificate.raw),
  });
}

/** The certificates of a PEM text in their order; undefined where one of them, or all, cannot be read. */
export function parseCertificates(pem: string): readonly X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.length === 0 ? undefined : blocks.map((block) => new X509Certificate(block));
  } catch {
    return undefined;
  }
}

/** SHA-256 of a certificate's DER in hex: equal certificates have equal ids, however their PEM is written. */
export function certificateId(certificate: X509Certificate): string {
  return createHash("sha256").update(certificate.raw).digest("hex");
}

function pemOf(certificates: readonly X509Certificate[]): string {
  return certificates.map(({ raw }) => toPem("CERTIFICATE", raw)).join("");
}

function isSelfSigned(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate) && certificate.verify(certificate.publicKey);
}

function parsePrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function refused(code: CaErrorCode, message: string): Outcome<never, CaError> {
  return failure({ code, message });
}
