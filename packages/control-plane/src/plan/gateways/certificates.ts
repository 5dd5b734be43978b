import { createPrivateKey, type KeyObject } from "node:crypto";
import {
  type DataSource,
  listenerHostname,
  type MeshGatewayListener,
  type MeshGatewayResource,
  type Resource,
} from "@skein/model";
import { parseCertificates } from "../../identity/ca.ts";
import { failure, type Outcome, success } from "../../identity/outcome.ts";
import type { MeshView } from "../../view/mesh-view.ts";

/** What the names of secrets with certificates for clients of gateways begin with. */
const PREFIX = "system_gateway_cert/";

/** A certificate with its key, as PEM. */
export interface GatewayCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly keyType: "RSA" | "ECDSA";
  /** What is wrong with what is stored now, where something older is used on. */
  readonly warning?: string;
}

/** Where certificates come from. */
export interface CertificateInputs {
  readonly view: Pick<MeshView, "gateways" | "secret" | "secretBefore">;
  readonly meshName: string;
  /** The text of a secret as it is stored, or why it cannot be read. */
  readonly openSecret: (secret: Resource) => Outcome<string, string>;
}

/** Whether a secret is a certificate for clients of gateways. */
export function isGatewaySecret(name: string): boolean {
  return name.startsWith(PREFIX);
}

/**
 * Names of the secrets of a listener, one for each of its certificates. They say where the certificate comes from, not
 * what it is, so that a new one reaches proxies without a change of their listeners.
 */
export function certificateNames(
  { name }: Pick<MeshGatewayResource, "name">,
  listener: MeshGatewayListener,
): readonly string[] {
  return (listener.tls?.certificates ?? []).map(({ secret }, i) =>
    secret === undefined
      ? `${PREFIX}inline/${name}/${listener.port}/${listenerHostname(listener)}/${i}`
      : `${PREFIX}secret/${secret}`,
  );
}

/**
 * The certificate behind the name of a secret, or what is wrong with it. Where what is stored now is of no use, what was
 * stored before is used on, with a warning.
 */
export function gatewayCertificate(
  inputs: CertificateInputs,
  secretName: string,
): Outcome<GatewayCertificate, string> {
  const [kind, name = "", ...place] = secretName.slice(PREFIX.length).split("/");
  if (kind === "inline") {
    const text = inlineText(inputs.view.gateways.get(), name, place);
    return text === undefined ? failure("it is not there") : certificateOf(text, "it");
  }
  const secret = inputs.view.secret.at(name).get();
  if (secret === undefined) return failure(`there is no Secret "${name}" in mesh "${inputs.meshName}"`);
  const now = opened(inputs, secret, name);
  if (now.ok) return now;
  const before = inputs.view.secretBefore.at(name).get();
  const old = before === undefined ? now : opened(inputs, before, name);
  return old.ok ? success({ ...old.value, warning: `${now.error}; what was stored before is used on` }) : now;
}

function opened(
  { openSecret }: CertificateInputs,
  secret: Resource,
  name: string,
): Outcome<GatewayCertificate, string> {
  const text = openSecret(secret);
  return text.ok ? certificateOf(text.value, `Secret "${name}"`) : text;
}

function inlineText(
  gateways: readonly MeshGatewayResource[],
  name: string,
  [port, hostname, index]: readonly string[],
): string | undefined {
  const listener = gateways
    .find((gateway) => gateway.name === name)
    ?.spec.conf?.listeners?.find((each) => String(each.port) === port && listenerHostname(each) === hostname);
  const source: DataSource = listener?.tls?.certificates?.[Number(index)] ?? {};
  if (source.inlineString !== undefined) return source.inlineString;
  return source.inline === undefined ? undefined : Buffer.from(source.inline, "base64").toString("utf8");
}

const KEY_TYPES = new Map<string, GatewayCertificate["keyType"]>([
  ["rsa", "RSA"],
  ["ec", "ECDSA"],
]);
const BLOCK = /-----BEGIN ([^-\n]+)-----[\s\S]*?-----END \1-----/g;

/** One private key and the certificates that go with it, the server's first, in any order of key and certificates. */
function certificateOf(text: string, what: string): Outcome<GatewayCertificate, string> {
  const blocks = Array.from(text.matchAll(BLOCK), ([pem, label = ""]) => ({ pem, label }));
  const keys = blocks.filter(({ label }) => label.endsWith("PRIVATE KEY"));
  const certificates = blocks.filter(({ label }) => label === "CERTIFICATE");
  const other = blocks.find((block) => !keys.includes(block) && !certificates.includes(block));
  if (other !== undefined) {
    return failure(
      `${what} holds a PEM block of type ${other.label}: it may hold a private key and certificates only`,
    );
  }
  const [key] = keys;
  if (key === undefined) return failure(`${what} holds no private key in PEM form beside its certificate`);
  if (keys.length > 1) return failure(`${what} holds ${keys.length} private keys: it must hold one`);
  const certificatePem = certificates.map(({ pem }) => `${pem}\n`).join("");
  const [leaf] = parseCertificates(certificatePem) ?? [];
  if (leaf === undefined) return failure(`${what} holds no certificate in PEM form beside its private key`);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(key.pem);
  } catch {
    return failure(
      `${what} holds a private key that cannot be read: it must be in PEM form, without a password`,
    );
  }
  const keyType = KEY_TYPES.get(privateKey.asymmetricKeyType ?? "");
  if (keyType === undefined) {
    return failure(
      `${what} holds a private key of type ${privateKey.asymmetricKeyType}: it must be RSA or ECDSA`,
    );
  }
  if (!leaf.checkPrivateKey(privateKey)) {
    return failure(`${what} holds a private key that is not the one of its first certificate`);
  }
  return success({ certificatePem, privateKeyPem: `${key.pem}\n`, keyType });
}
