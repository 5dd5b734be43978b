import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from "node:crypto";
import { openMemoryStore } from "../store/memory.ts";
import { type CertificateAuthority, createCa, loadCa } from "./ca.ts";
import type { Clock } from "./clock.ts";
import type { Secrets } from "./secrets.ts";
import { plaintextCipher } from "./secrets-cipher.ts";
import {
  certificateSigner,
  commonName,
  keyIdentifier,
  readCertificateNames,
  signCertificate,
  toPem,
} from "./x509/certificate.ts";
import {
  authorityKeyIdentifier,
  basicConstraints,
  keyUsage,
  subjectKeyIdentifier,
} from "./x509/extensions.ts";
import { randomSerial } from "./x509/serial.ts";

/** A clock that tests move: `pass` lets time pass and timers fire, `jump` changes what `now` says and nothing else. */
export interface FakeClock extends Clock {
  pass(ms: number): Promise<void>;
  jump(ms: number): void;
  readonly timers: number;
}

/** A fake clock that starts at the real time, in whole seconds. */
export function fakeClock(): FakeClock {
  let elapsed = 0;
  let offset = Math.floor(Date.now() / 1000) * 1000;
  const timers = new Map<symbol, { readonly at: number; readonly callback: () => void }>();
  return {
    now: () => elapsed + offset,
    schedule(ms, callback) {
      const id = Symbol("timer");
      timers.set(id, { at: elapsed + ms, callback });
      return () => timers.delete(id);
    },
    async pass(ms) {
      await settle();
      const until = elapsed + ms;
      for (;;) {
        const due = [...timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0];
        if (due === undefined) break;
        timers.delete(due[0]);
        elapsed = Math.max(elapsed, due[1].at);
        due[1].callback();
        await settle();
      }
      elapsed = until;
      await settle();
    },
    jump(ms) {
      offset += ms;
    },
    get timers() {
      return timers.size;
    },
  };
}

/** Lets promises that wait for nothing but each other resolve. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Polls until `condition` holds. @throws Error after five seconds */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error("the condition did not come to hold within 5 s");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A loaded self-signed CA. */
export async function newCa(trustDomain: string, now = Date.now()): Promise<CertificateAuthority> {
  const uri = `spiffe://${trustDomain}`;
  const material = await createCa({ commonName: trustDomain, uri, now, random: randomBytes });
  const ca = loadCa(material, { now, allowSelfSigned: true });
  if (!ca.ok) throw new Error(ca.error.message);
  return ca.value;
}

/** A CA with an RSA key below a root, as a company might bring it, valid for two hours. */
export async function intermediateCa(
  now = Math.floor(Date.now() / 1000) * 1000,
): Promise<{ readonly ca: CertificateAuthority; readonly rootPem: string }> {
  const root = await createCa({ commonName: "root", uri: "spiffe://td", now, random: randomBytes });
  const rootKeyId = readCertificateNames(new X509Certificate(root.certificatePem).raw).subjectKeyId;
  const pair = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const publicKey = pair.publicKey.export({ type: "spki", format: "der" });
  const signer = certificateSigner(createPrivateKey(root.privateKeyPem));
  if (signer === undefined || rootKeyId === undefined) throw new Error("the root cannot sign");
  const certificate = await signCertificate(
    {
      serial: randomSerial(randomBytes),
      issuer: commonName("root"),
      subject: commonName("issuing"),
      notBefore: now - 5000,
      notAfter: now + 2 * 3600_000,
      publicKey,
      extensions: [
        basicConstraints(true),
        keyUsage("keyCertSign"),
        subjectKeyIdentifier(keyIdentifier(publicKey)),
        authorityKeyIdentifier(rootKeyId),
      ],
    },
    signer,
  );
  const certificatePem = toPem("CERTIFICATE", certificate) + root.certificatePem;
  const privateKeyPem = pair.privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  const ca = loadCa({ certificatePem, privateKeyPem }, { now, allowSelfSigned: false });
  if (!ca.ok) throw new Error(ca.error.message);
  return { ca: ca.value, rootPem: root.certificatePem };
}

/** Secrets of an empty store, in clear. */
export function newSecrets(): Secrets {
  return { store: openMemoryStore({ now: () => Date.now() }), cipher: plaintextCipher };
}
