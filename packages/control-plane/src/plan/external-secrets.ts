import { createPrivateKey, X509Certificate } from "node:crypto";
import type { DataSource, MeshExternalServiceResource, Resource } from "@skein/model";
import { parseCertificates } from "../identity/ca.ts";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { MeshView } from "../view/mesh-view.ts";

/** Name of the secret with the authorities of a MeshExternalService, before the name of that. */
export const AUTHORITIES_SECRET = "system_extsvc_ca_";
/** Name of the secret with the certificate that proxies show to a MeshExternalService, before the name of that. */
export const CLIENT_SECRET = "system_extsvc_client_";

/** What a secret of an external service holds, as PEM. */
export type ExternalMaterial =
  | { readonly kind: "authorities"; readonly pem: string }
  | { readonly kind: "client"; readonly certificatePem: string; readonly privateKeyPem: string };

/** Where the material comes from. */
export interface MaterialInputs {
  readonly view: Pick<MeshView, "externalServices" | "secret">;
  readonly meshName: string;
  /** The text of a secret as it is stored, or why it cannot be read. */
  readonly openSecret: (secret: Resource) => Outcome<string, string>;
}

/** Whether a secret belongs to an external service. */
export function isExternalSecret(secret: string): boolean {
  return secret.startsWith(AUTHORITIES_SECRET) || secret.startsWith(CLIENT_SECRET);
}

/** The content of a secret by its name, or a sentence that says what is missing and where. */
export function externalMaterial(inputs: MaterialInputs, secret: string): Outcome<ExternalMaterial, string> {
  return secret.startsWith(AUTHORITIES_SECRET)
    ? authorities(inputs, secret.slice(AUTHORITIES_SECRET.length))
    : client(inputs, secret.slice(CLIENT_SECRET.length));
}

function authorities(inputs: MaterialInputs, name: string): Outcome<ExternalMaterial, string> {
  const service = inputs.view.externalServices.at(name).get();
  const pem = read(inputs, service, "caCert");
  if (!pem.ok) return pem;
  return parseCertificates(pem.value) === undefined
    ? failure(`${field(name, "caCert")}: ${origin(service, "caCert")} holds no certificate in PEM form`)
    : success({ kind: "authorities", pem: pem.value });
}

function client(inputs: MaterialInputs, name: string): Outcome<ExternalMaterial, string> {
  const service = inputs.view.externalServices.at(name).get();
  const certificate = read(inputs, service, "clientCert");
  if (!certificate.ok) return certificate;
  const key = read(inputs, service, "clientKey");
  if (!key.ok) return key;
  const problem = pairProblem(certificate.value, key.value);
  if (problem === undefined) {
    return success({ kind: "client", certificatePem: certificate.value, privateKeyPem: key.value });
  }
  const { at, text } = problem;
  return failure(`${field(name, at)}: ${origin(service, at)} ${text}`);
}

type Source = "caCert" | "clientCert" | "clientKey";

function pairProblem(
  certificate: string,
  key: string,
): { readonly at: Source; readonly text: string } | undefined {
  const [leaf] = parseCertificates(certificate) ?? [];
  if (leaf === undefined) return { at: "clientCert", text: "holds no certificate in PEM form" };
  try {
    const isPair = new X509Certificate(leaf.raw).checkPrivateKey(createPrivateKey(key));
    return isPair ? undefined : { at: "clientKey", text: "is not the key of the certificate in clientCert" };
  } catch {
    return { at: "clientKey", text: "holds no private key in PEM form" };
  }
}

function read(
  { view, meshName, openSecret }: MaterialInputs,
  service: MeshExternalServiceResource | undefined,
  source: Source,
): Outcome<string, string> {
  const from: DataSource = service?.spec.tls?.verification?.[source] ?? {};
  const where = field(service?.name ?? "", source);
  if (from.inlineString !== undefined) return success(from.inlineString);
  if (from.inline !== undefined) return success(Buffer.from(from.inline, "base64").toString("utf8"));
  if (from.secret === undefined) return failure(`${where} is not set`);
  const secret = view.secret.at(from.secret).get();
  if (secret === undefined) {
    return failure(`${where}: there is no Secret "${from.secret}" in mesh "${meshName}"`);
  }
  const text = openSecret(secret);
  return text.ok ? text : failure(`${where}: ${text.error}`);
}

function origin(service: MeshExternalServiceResource | undefined, source: Source): string {
  const name = service?.spec.tls?.verification?.[source]?.secret;
  return name === undefined ? "it" : `Secret "${name}"`;
}

function field(name: string, source: Source): string {
  return `MeshExternalService "${name}" tls.verification.${source}`;
}
