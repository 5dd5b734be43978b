import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { CliError, usageError } from "../exit.ts";
import type { Session } from "../session.ts";
import { readSigningKey } from "../tokens/sign-token.ts";

/** `generate signing-key`: an RSA key for tokens, as the `data` of a Secret (`pem-base64`) or as PEM. */
export function generateSigningKey(session: Session, { format }: { readonly format: string }): void {
  if (format !== "pem" && format !== "pem-base64") {
    throw usageError(`--format "${format}" must be one of pem, pem-base64`);
  }
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
  session.io.out(format === "pem" ? pem : Buffer.from(pem).toString("base64"));
}

/** `generate public-key`: the half of a signing key that validators are configured with. */
export function generatePublicKey(
  session: Session,
  { signingKeyPath }: { readonly signingKeyPath: string },
): void {
  const key = createPublicKey(readSigningKey(signingKeyPath));
  session.io.out(key.export({ type: "pkcs1", format: "pem" }).toString());
}

export interface TlsCertificateOptions {
  readonly type: string;
  readonly hostname: readonly string[];
  readonly keyFile: string;
  readonly certFile: string;
  readonly keyType: string;
}

/** `generate tls-certificate`: a self-signed pair for a server or a client; `-` writes to stdout. */
export async function generateTlsCertificate(
  session: Session,
  options: TlsCertificateOptions,
): Promise<void> {
  const { type, keyType } = options;
  if (type !== "server" && type !== "client")
    throw usageError(`--type "${type}" must be one of client, server`);
  if (keyType !== "rsa" && keyType !== "ecdsa")
    throw usageError(`--key-type "${keyType}" must be one of rsa, ecdsa`);
  const hostnames = options.hostname.flatMap((name) => name.split(",")).filter((name) => name !== "");
  if (hostnames.length === 0) throw usageError("--hostname must name at least one host");
  const { selfSignedCertificate } = await import("../tokens/self-signed-certificate.ts");
  const pair = selfSignedCertificate({ type, keyType, hostnames, nowMs: session.io.now() });
  write(session, options.keyFile, pair.key, 0o600);
  write(session, options.certFile, pair.certificate, 0o644);
  if (options.keyFile !== "-" && options.certFile !== "-") {
    session.io.out(`Private key saved in ${options.keyFile}\nCertificate saved in ${options.certFile}\n`);
  }
}

function write(session: Session, path: string, text: string, mode: number): void {
  if (path === "-") {
    session.io.out(text);
    return;
  }
  try {
    writeFileSync(path, text, { mode });
  } catch (cause) {
    throw new CliError(`cannot write "${path}": ${cause instanceof Error ? cause.message : ""}`, { cause });
  }
}
