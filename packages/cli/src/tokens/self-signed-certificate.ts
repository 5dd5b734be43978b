import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { isIP } from "node:net";
import { bitString, contextual, element, oid, tag } from "./der.ts";

const validDays = 3_650;
const null_ = Buffer.from([0x05, 0x00]);
const true_ = element(tag.boolean, Buffer.from([0xff]));

const signatureAlgorithms = {
  rsa: element(tag.sequence, oid("1.2.840.113549.1.1.11"), null_),
  ecdsa: element(tag.sequence, oid("1.2.840.10045.4.3.2")),
} as const;

const extendedKeyUsages = { server: "1.3.6.1.5.5.7.3.1", client: "1.3.6.1.5.5.7.3.2" } as const;

/** What the certificate is for. */
export interface CertificateRequest {
  readonly type: "server" | "client";
  readonly keyType: "rsa" | "ecdsa";
  /** DNS names and IP addresses; the first is also the common name. */
  readonly hostnames: readonly string[];
  readonly nowMs: number;
}

/**
 * A certificate that vouches for itself, so that a peer can be given it as authority, and its key; both as PEM. The
 * fields are those of RFC 5280, 4.1.
 */
export function selfSignedCertificate(request: CertificateRequest): {
  readonly key: string;
  readonly certificate: string;
} {
  const { publicKey, privateKey } = generateKeys(request.keyType);
  const algorithm = signatureAlgorithms[request.keyType];
  const name = distinguishedName(request.hostnames[0] ?? "");
  const publicKeyInfo = publicKey.export({ type: "spki", format: "der" });
  const content = element(
    tag.sequence,
    contextual(0, true, element(tag.integer, Buffer.from([2]))),
    element(tag.integer, positive(randomBytes(16))),
    algorithm,
    name,
    element(tag.sequence, time(request.nowMs - 60_000), time(request.nowMs + validDays * 86_400_000)),
    name,
    publicKeyInfo,
    contextual(3, true, element(tag.sequence, ...extensions(request, publicKeyInfo))),
  );
  const signature = sign("sha256", content, privateKey);
  const certificate = element(tag.sequence, content, algorithm, bitString(signature));
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    certificate: toPem("CERTIFICATE", certificate),
  };
}

function generateKeys(keyType: "rsa" | "ecdsa"): {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
} {
  return keyType === "rsa"
    ? generateKeyPairSync("rsa", { modulusLength: 2048 })
    : generateKeyPairSync("ec", { namedCurve: "P-256" });
}

function extensions(
  { type, keyType, hostnames }: CertificateRequest,
  publicKeyInfo: Buffer,
): readonly Buffer[] {
  const keyId = createHash("sha1").update(publicKeyInfo).digest();
  const names = hostnames.map((host) =>
    isIP(host) === 0 ? contextual(2, false, Buffer.from(host)) : contextual(7, false, ipBytes(host)),
  );
  const keyEncipherment = keyType === "rsa" ? 0x20 : 0;
  return [
    extension("2.5.29.19", element(tag.sequence, true_), true),
    extension("2.5.29.15", bitString(Buffer.from([0x80 | keyEncipherment | 0x04]), 2), true),
    extension("2.5.29.37", element(tag.sequence, oid(extendedKeyUsages[type]))),
    extension("2.5.29.17", element(tag.sequence, ...names)),
    extension("2.5.29.14", element(tag.octetString, keyId)),
  ];
}

function extension(id: string, value: Buffer, isCritical = false): Buffer {
  return element(tag.sequence, oid(id), ...(isCritical ? [true_] : []), element(tag.octetString, value));
}

function distinguishedName(commonName: string): Buffer {
  const attribute = element(tag.sequence, oid("2.5.4.3"), element(tag.utf8String, Buffer.from(commonName)));
  return element(tag.sequence, element(tag.set, attribute));
}

/** UTCTime until 2049, GeneralizedTime after it (RFC 5280, 4.1.2.5). */
function time(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replaceAll(/[-:T]|\.\d+/g, "");
  return Number(digits.slice(0, 4)) < 2050
    ? element(0x17, Buffer.from(digits.slice(2)))
    : element(tag.generalizedTime, Buffer.from(digits));
}

function positive(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([((bytes[0] ?? 0) & 0x7f) | 0x40]), bytes.subarray(1)]);
}

function ipBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split("::");
  const words = (text: string): readonly string[] => (text === "" ? [] : text.split(":"));
  const missing = tail === undefined ? 0 : 8 - words(head).length - words(tail).length;
  const all = [...words(head), ...Array.from({ length: missing }, () => "0"), ...words(tail ?? "")];
  return Buffer.concat(all.map((word) => Buffer.from(word.padStart(4, "0"), "hex")));
}

function toPem(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
