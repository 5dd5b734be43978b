import { generateKeyPair } from "node:crypto";

/** A new key pair: the public part for a certificate, the private part for its holder. */
export interface KeyPair {
  /** DER of the SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  /** PKCS#8. */
  readonly privateKeyPem: string;
}

/** A new ECDSA P-256 key pair, made on libuv's thread pool. */
export function generateEcKeyPair(): Promise<KeyPair> {
  return new Promise((resolve, reject) => {
    generateKeyPair(
      "ec",
      {
        namedCurve: "P-256",
        publicKeyEncoding: { type: "spki", format: "der" },
        privateKeyEncoding: { type: "pkcs8", format: "pem" },
      },
      (error, publicKey, privateKeyPem) => (error ? reject(error) : resolve({ publicKey, privateKeyPem })),
    );
  });
}
