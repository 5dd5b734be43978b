import type { KeyObject } from "node:crypto";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import { parseRsaPublicKey } from "./rsa-keys.ts";

/** An entry of `publicKeys` in the configuration: tokens signed elsewhere are verified with it. */
export interface PublicKeyConfig {
  readonly kid: string;
  readonly key?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Dataplane tokens: only of this mesh; all meshes where absent. */
  readonly mesh?: string | undefined;
}

/** A public key of the configuration, parsed. */
export interface OfflineKey {
  readonly kid: string;
  readonly mesh: string | undefined;
  readonly publicKey: KeyObject;
}

/** Reads the configured public keys at start. The error is a sentence with the entry's index. */
export async function loadOfflineKeys(
  configs: readonly PublicKeyConfig[],
  readFile: (path: string) => Promise<string>,
): Promise<Outcome<readonly OfflineKey[], string>> {
  const keys: OfflineKey[] = [];
  for (const [index, config] of configs.entries()) {
    const at = `publicKeys[${index}]`;
    if (config.kid === "") return failure(`${at}.kid cannot be empty`);
    if ((config.key ?? "") !== "" && (config.keyFile ?? "") !== "") {
      return failure(`${at} has both key and keyFile: keep one`);
    }
    const text = await keyText(config, readFile);
    if (!text.ok) return failure(`${at}${text.error}`);
    const key = parseRsaPublicKey(Buffer.from(text.value));
    if (!key.ok) return failure(`${at}: ${key.error}`);
    keys.push({ kid: config.kid, mesh: config.mesh || undefined, publicKey: key.value });
  }
  return success(keys);
}

async function keyText(
  config: PublicKeyConfig,
  readFile: (path: string) => Promise<string>,
): Promise<Outcome<string, string>> {
  if (config.key) return success(config.key);
  if (!config.keyFile) return failure(" needs key or keyFile");
  try {
    return success(await readFile(config.keyFile));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return failure(`.keyFile cannot be read: ${reason}`);
  }
}
