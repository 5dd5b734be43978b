import { createHash, type KeyObject, sign } from "node:crypto";
import {
  der,
  derExplicit,
  derInteger,
  derOid,
  derSequence,
  derTag,
  derTime,
  readDer,
  readDerChildren,
} from "./der.ts";

/** What stands in a certificate, apart from its signature. Times in milliseconds since the epoch. */
export interface CertificateContent {
  /** Big-endian, not all zero, at most 20 octets (RFC 5280 §4.1.2.2). */
  readonly serial: Uint8Array;
  /** DER of the issuer's Name, exactly as the issuer's own certificate writes its subject. */
  readonly issuer: Uint8Array;
  /** DER of the subject's Name. */
  readonly subject: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  readonly extensions: readonly Uint8Array[];
}

/** How a private key signs certificates. */
export interface CertificateSigner {
  readonly key: KeyObject;
  /** Digest for `crypto.sign`; null where the algorithm brings its own. */
  readonly digest: string | null;
  /** DER of the AlgorithmIdentifier. */
  readonly algorithm: Uint8Array;
}

/** The Name without any attribute, which a certificate with a critical subjectAltName may have. */
export const emptyName: Uint8Array = derSequence();

/** A Name of one common name. */
export function commonName(value: string): Buffer {
  const attribute = derSequence(derOid("2.5.4.3"), der(derTag.utf8String, Buffer.from(value, "utf8")));
  return derSequence(der(derTag.set, attribute));
}

/** The signer for a private key, or undefined for a kind of key that certificates of a mesh are not signed with. */
export function certificateSigner(key: KeyObject): CertificateSigner | undefined {
  const oid = (dotted: string): Uint8Array => derSequence(derOid(dotted));
  switch (key.asymmetricKeyType) {
    case "ec":
      switch (key.asymmetricKeyDetails?.namedCurve) {
        case "prime256v1":
          return { key, digest: "sha256", algorithm: oid("1.2.840.10045.4.3.2") };
        case "secp384r1":
          return { key, digest: "sha384", algorithm: oid("1.2.840.10045.4.3.3") };
        case "secp521r1":
          return { key, digest: "sha512", algorithm: oid("1.2.840.10045.4.3.4") };
        default:
          return undefined;
      }
    case "rsa": {
      const algorithm = derSequence(derOid("1.2.840.113549.1.1.11"), Buffer.from([0x05, 0x00]));
      return { key, digest: "sha256", algorithm };
    }
    case "ed25519":
      return { key, digest: null, algorithm: oid("1.3.101.112") };
    default:
      return undefined;
  }
}

/** Signs a certificate on libuv's thread pool and gives its DER. */
export async function signCertificate(
  content: CertificateContent,
  signer: CertificateSigner,
): Promise<Buffer> {
  const body = derSequence(
    derExplicit(0, derInteger(Buffer.from([2]))),
    derInteger(content.serial),
    signer.algorithm,
    content.issuer,
    derSequence(derTime(content.notBefore), derTime(content.notAfter)),
    content.subject,
    content.publicKey,
    derExplicit(3, derSequence(...content.extensions)),
  );
  const signature = await new Promise<Buffer>((resolve, reject) => {
    sign(signer.digest, body, signer.key, (error, bytes) => (error ? reject(error) : resolve(bytes)));
  });
  return derSequence(body, signer.algorithm, der(derTag.bitString, Buffer.from([0]), signature));
}

/** The key identifier of RFC 5280 §4.2.1.2 (1): SHA-1 of the bits of the public key. */
export function keyIdentifier(publicKey: Uint8Array): Buffer {
  const bits = readDerChildren(readDer(publicKey))[1];
  return createHash("sha1")
    .update(bits?.content.subarray(1) ?? publicKey)
    .digest();
}

/** What a certificate says of its subject, in the exact bytes that certificates issued under it must repeat. */
export interface CertificateNames {
  readonly subject: Uint8Array;
  readonly subjectKeyId: Uint8Array | undefined;
}

/**
 * Reads subject and subject key identifier from a certificate's DER.
 * @throws DerError when the bytes are not a certificate; callers parse with `X509Certificate` first
 */
export function readCertificateNames(certificate: Uint8Array): CertificateNames {
  const body = readDerChildren(readDer(certificate))[0];
  const fields = body === undefined ? [] : readDerChildren(body);
  const offset = fields[0]?.tag === 0xa0 ? 1 : 0;
  const subject = fields[offset + 4]?.bytes ?? emptyName;
  const wrapped = fields.find((field) => field.tag === 0xa3);
  const extensions = wrapped === undefined ? undefined : readDerChildren(wrapped)[0];
  return { subject, subjectKeyId: extensions && readSubjectKeyId(readDerChildren(extensions)) };
}

/** PEM of DER bytes, in lines of 64 characters. */
export function toPem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

function readSubjectKeyId(extensions: readonly { readonly content: Uint8Array }[]): Uint8Array | undefined {
  const oid = derOid("2.5.29.14");
  const found = extensions.find((extension) => oid.equals(extension.content.subarray(0, oid.length)));
  if (found === undefined) return undefined;
  const elements = readDerChildren({ tag: derTag.sequence, content: found.content, bytes: found.content });
  const value = elements.at(-1);
  return value === undefined ? undefined : readDer(value.content).content;
}
