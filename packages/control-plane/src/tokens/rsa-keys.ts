import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from "node:crypto";
import { failure, type Outcome, success } from "../identity/outcome.ts";

/** A new RSA private key of 2048 bits as PEM of PKCS#1, made on libuv's thread pool. */
export function generateRsaKeyPem(): Promise<string> {
  return new Promise((resolve, reject) => {
    generateKeyPair(
      "rsa",
      {
        modulusLength: 2048,
        publicKeyEncoding: { type: "pkcs1", format: "pem" },
        privateKeyEncoding: { type: "pkcs1", format: "pem" },
      },
      (error, _publicKey, privateKey) => (error ? reject(error) : resolve(privateKey)),
    );
  });
}

/** A private RSA key from PEM, or from bare DER of PKCS#1. */
export function parseRsaPrivateKey(bytes: Uint8Array): Outcome<KeyObject, string> {
  return rsa("private key", () =>
    createPrivateKey(
      isPem(bytes) ? Buffer.from(bytes) : { key: Buffer.from(bytes), format: "der", type: "pkcs1" },
    ),
  );
}

/** A public RSA key from PEM (`RSA PUBLIC KEY` or `PUBLIC KEY`), or from bare DER of PKCS#1. */
export function parseRsaPublicKey(bytes: Uint8Array): Outcome<KeyObject, string> {
  if (Buffer.from(bytes).includes("PRIVATE KEY-----")) {
    return failure("it is a private key, where only the public key belongs");
  }
  return rsa("public key", () =>
    createPublicKey(
      isPem(bytes) ? Buffer.from(bytes) : { key: Buffer.from(bytes), format: "der", type: "pkcs1" },
    ),
  );
}

function rsa(what: string, parse: () => KeyObject): Outcome<KeyObject, string> {
  try {
    const key = parse();
    if (key.asymmetricKeyType !== "rsa") return failure(`it is not an RSA ${what}`);
    const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
    return bits < 2048 ? failure(`it has ${bits} bits, and needs at least 2048`) : success(key);
  } catch {
    return failure(`it is not an RSA ${what} in PEM, nor in DER of PKCS#1`);
  }
}

function isPem(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).includes("-----BEGIN ");
}
