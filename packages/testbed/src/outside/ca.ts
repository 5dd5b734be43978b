import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { isIP } from "node:net";
import {
  certificateSigner,
  commonName,
  keyIdentifier,
  signCertificate,
  toPem,
} from "@skein/control-plane/identity/x509/certificate";
import {
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from "@skein/control-plane/identity/x509/extensions";
import { generateEcKeyPair } from "@skein/control-plane/identity/x509/keys";
import { randomSerial } from "@skein/control-plane/identity/x509/serial";

/** A certificate with its key, in the names that Node's TLS options have for them. */
export interface OutsideCredentials {
  readonly cert: string;
  readonly key: string;
}

/** A CA that the mesh has nothing to do with. */
export interface OutsideCa {
  readonly pem: string;
  /** A certificate with these host names and addresses, and `name` as its subject; its key is ECDSA unless told. */
  issue(name: string, hosts: readonly string[], keyType?: "RSA"): Promise<OutsideCredentials>;
}

/** Makes a CA of the world outside. */
export async function outsideCa(name: string): Promise<OutsideCa> {
  const { privateKeyPem } = await generateEcKeyPair();
  const key = createPrivateKey(privateKeyPem);
  const signer = certificateSigner(key);
  if (signer === undefined) throw new Error("the key cannot sign");
  const sign = async (subject: string, subjectKey: Buffer, extensions: readonly Buffer[]) => {
    const now = Date.now();
    const content = {
      serial: randomSerial(randomBytes),
      ...{ issuer: commonName(name), subject: commonName(subject), publicKey: subjectKey },
      ...{ notBefore: now - 60_000, notAfter: now + 3_600_000, extensions },
    };
    return toPem("CERTIFICATE", await signCertificate(content, signer));
  };
  const publicKey = publicKeyOf(privateKeyPem);
  const pem = await sign(name, publicKey, [
    basicConstraints(true),
    keyUsage("keyCertSign", "digitalSignature"),
    subjectKeyIdentifier(keyIdentifier(publicKey)),
  ]);
  return {
    pem,
    async issue(subject, hosts, keyType) {
      const own = keyType === "RSA" ? rsaKey() : (await generateEcKeyPair()).privateKeyPem;
      const names = hosts.map((value) => ({ kind: isIP(value) === 0 ? "dns" : "ip", value }) as const);
      const cert = await sign(subject, publicKeyOf(own), [
        basicConstraints(false),
        keyUsage("digitalSignature"),
        extendedKeyUsage("serverAuth", "clientAuth"),
        ...(names.length === 0 ? [] : [subjectAltName(names, false)]),
      ]);
      return { cert, key: own };
    },
  };
}

function rsaKey(): string {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

function publicKeyOf(privateKeyPem: string): Buffer {
  return createPublicKey(privateKeyPem).export({ type: "spki", format: "der" });
}
