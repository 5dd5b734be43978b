import { createPrivateKey, type KeyObject, randomUUID, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { CliError } from "../exit.ts";

const backdateSeconds = 5;

/**
 * A token as the control plane itself would issue it: RS256, capitalised private claims, valid from a few seconds
 * ago so that clocks may differ a little.
 */
export function signToken(
  claims: Readonly<Record<string, unknown>>,
  options: {
    readonly key: KeyObject;
    readonly kid: string;
    readonly validForMs: number;
    readonly nowMs: number;
    readonly id?: string;
  },
): string {
  const issued = Math.floor(options.nowMs / 1_000) - backdateSeconds;
  const header = { alg: "RS256", kid: options.kid, typ: "JWT" };
  const payload = {
    ...claims,
    exp: Math.floor((options.nowMs + options.validForMs) / 1_000),
    nbf: issued,
    iat: issued,
    jti: options.id ?? randomUUID(),
  };
  const unsigned = `${base64Url(header)}.${base64Url(payload)}`;
  return `${unsigned}.${sign("sha256", Buffer.from(unsigned), options.key).toString("base64url")}`;
}

/** Reads an RSA private key: PEM, or the base64 of PEM that a signing key's Secret holds. */
export function readSigningKey(path: string): KeyObject {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    throw new CliError(`cannot read the signing key "${path}"`, { cause });
  }
  const pem = text.includes("-----BEGIN") ? text : Buffer.from(text, "base64").toString("utf8");
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (cause) {
    throw new CliError(`"${path}" does not hold a private key in PEM`, { cause });
  }
  if (key.asymmetricKeyType !== "rsa") {
    throw new CliError(`"${path}" holds an ${key.asymmetricKeyType} key; tokens are signed with RSA keys`);
  }
  return key;
}

function base64Url(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
