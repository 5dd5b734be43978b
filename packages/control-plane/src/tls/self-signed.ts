import { createPrivateKey, createPublicKey } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import { failure, type Outcome } from "../identity/outcome.ts";
import {
  certificateSigner,
  commonName,
  keyIdentifier,
  signCertificate,
  toPem,
} from "../identity/x509/certificate.ts";
import {
  type AltName,
  addressBytes,
  basicConstraints,
  extendedKeyUsage,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from "../identity/x509/extensions.ts";
import { generateEcKeyPair } from "../identity/x509/keys.ts";
import { type RandomBytes, randomSerial } from "../identity/x509/serial.ts";
import { placeOnce, readIfPresent } from "./place-once.ts";
import {
  type CertificatePaths,
  checkServerCertificate,
  type ServerCertificate,
} from "./server-certificate.ts";

const yearMs = 365 * 24 * 3600_000;

/** What a server's own certificate is made of. */
export interface SelfSignedServer {
  /** Host names and IP addresses; `localhost`, `127.0.0.1` and `::1` are added. */
  readonly hosts: readonly string[];
  readonly now: number;
  readonly random: RandomBytes;
}

/** Makes a self-signed server certificate that clients can use as their CA too, valid for ten years. */
export async function createSelfSignedServer(server: SelfSignedServer, keyPem: string): Promise<string> {
  const key = createPrivateKey(keyPem);
  const publicKey = createPublicKey(key).export({ type: "spki", format: "der" });
  const signer = certificateSigner(key);
  if (signer === undefined) throw new Error("the private key is of a kind that cannot sign certificates");
  const name = commonName("skein-cp");
  const notBefore = server.now - 10_000;
  const certificate = await signCertificate(
    {
      serial: randomSerial(server.random),
      issuer: name,
      subject: name,
      notBefore,
      notAfter: notBefore + 10 * yearMs,
      publicKey,
      extensions: [
        basicConstraints(true),
        keyUsage("digitalSignature", "keyEncipherment", "keyCertSign"),
        extendedKeyUsage("serverAuth"),
        subjectKeyIdentifier(keyIdentifier(publicKey)),
        subjectAltName(altNames([...server.hosts, "localhost", "127.0.0.1", "::1"]), false),
      ],
    },
    signer,
  );
  return toPem("CERTIFICATE", certificate);
}

/** The paths of the certificate that a control plane makes for itself. */
export function generatedPaths(workDir: string): CertificatePaths {
  return { certPath: join(workDir, "kuma-cp.crt"), keyPath: join(workDir, "kuma-cp.key") };
}

/**
 * The certificate in `workDir`, made there when it is absent. A crash between the two files, and control planes that
 * start at the same time, do no harm: whichever key is there first is the key, and a certificate is made for it. A
 * damaged, mismatched or expired pair is an error, a sentence, and is never overwritten.
 */
export async function ensureSelfSignedServer(
  workDir: string,
  server: SelfSignedServer,
): Promise<Outcome<ServerCertificate, string>> {
  const paths = generatedPaths(workDir);
  const unique = Buffer.from(server.random(8)).toString("hex");
  try {
    await mkdir(workDir, { recursive: true, mode: 0o700 });
    const [certBefore, keyBefore] = [await readIfPresent(paths.certPath), await readIfPresent(paths.keyPath)];
    if (certBefore !== undefined && keyBefore === undefined) {
      return failure(`${paths.certPath} exists without ${paths.keyPath}: delete it to have both made anew`);
    }
    const keyPem =
      keyBefore ?? (await placeOnce(paths.keyPath, (await generateEcKeyPair()).privateKeyPem, 0o600, unique));
    const certPem =
      certBefore ??
      (await placeOnce(paths.certPath, await createSelfSignedServer(server, keyPem), 0o644, unique));
    const checked = checkServerCertificate({ certPem, keyPem }, paths, server.now);
    if (checked.ok) return checked;
    return failure(`${checked.error}; delete ${paths.certPath} and ${paths.keyPath} to have both made anew`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(`the server certificate in ${workDir} cannot be read or written: ${reason}`);
  }
}

/** The certificate of two configured files, checked; nothing is generated. The error is a sentence. */
export async function readServerCertificate(
  paths: CertificatePaths,
  now: number,
): Promise<Outcome<ServerCertificate, string>> {
  const texts: string[] = [];
  for (const path of [paths.certPath, paths.keyPath]) {
    try {
      texts.push(await readFile(path, "utf8"));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return failure(`the TLS file ${path} cannot be read: ${reason}`);
    }
  }
  const [certPem = "", keyPem = ""] = texts;
  return checkServerCertificate({ certPem, keyPem }, paths, now);
}

function altNames(hosts: readonly string[]): readonly AltName[] {
  const names = new Map<string, AltName>();
  for (const host of hosts) {
    if (isIP(host.split("%")[0] ?? "") !== 0) {
      const value = host.split("%")[0] ?? "";
      names.set(addressBytes(value).toString("hex"), { kind: "ip", value });
    } else if (/^[\x21-\x7e]+$/.test(host)) {
      names.set(host.toLowerCase(), { kind: "dns", value: host.toLowerCase() });
    }
  }
  return [...names.values()];
}
