import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname, networkInterfaces } from "node:os";
import type { Config } from "../config/config.ts";
import type { CipherKey } from "../identity/secrets-cipher.ts";
import type { Log } from "../log.ts";
import { StartError } from "../start-error.ts";
import { openStore } from "../store/open.ts";
import { StoreError } from "../store/store.ts";
import { localHosts } from "../tls/local-hosts.ts";
import { ensureSelfSignedServer, readServerCertificate } from "../tls/self-signed.ts";
import { loadOfflineKeys, type PublicKeyConfig } from "../tokens/offline-keys.ts";

/** Sees to it that there is a working directory. @throws StartError with what to do */
export function makeWorkDir(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `general.workDir ${path} cannot be made (${reason}); set it to a directory that the control plane may write to`,
      error,
    );
  }
}

/** The certificate of all ports: the configured one, or one of our own making. @throws StartError */
export async function serverCertificate(
  config: Config,
  now: number,
): Promise<{ certPem: string; keyPem: string }> {
  const { tlsCertFile, tlsKeyFile, workDir } = config.general;
  const certificate =
    tlsCertFile === ""
      ? await ensureSelfSignedServer(workDir, {
          hosts: localHosts(hostname(), networkInterfaces()),
          now,
          random: randomBytes,
        })
      : await readServerCertificate({ certPath: tlsCertFile, keyPath: tlsKeyFile }, now);
  if (!certificate.ok) throw new StartError(certificate.error);
  return certificate.value;
}

/** Opens the store of the configuration. @throws StartError with what to do */
export function openConfiguredStore(config: Config, now: () => number, log: Log) {
  try {
    return openStore(config.store, {
      now,
      onError: (error) => log.error({ err: error }, "a watcher of the store failed"),
    });
  } catch (error) {
    if (error instanceof StoreError) throw new StartError(error.message, error);
    throw error;
  }
}

/** Keys that secrets are encrypted with at rest; the first encrypts, all decrypt. @throws StartError */
export function encryptionKeys({ skein }: Config): readonly CipherKey[] {
  const text =
    skein.secretsEncryptionKeyFile === ""
      ? skein.secretsEncryptionKey
      : readKeyFile(skein.secretsEncryptionKeyFile);
  return text
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .map((part, index) => ({ id: `k${index + 1}`, key: Buffer.from(part, "base64") }));
}

function readKeyFile(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new StartError(`skein.secretsEncryptionKeyFile ${path} cannot be read`, error);
  }
}

/** Where public keys of tokens come from. @throws StartError naming the entry */
export async function keySources(validator: {
  readonly useSecrets: boolean;
  readonly publicKeys: readonly PublicKeyConfig[];
}) {
  const keys = await loadOfflineKeys(validator.publicKeys, (path) => readFile(path, "utf8"));
  if (!keys.ok) throw new StartError(keys.error);
  return { offlineKeys: keys.value, useSecrets: validator.useSecrets };
}
