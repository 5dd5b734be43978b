import { createPrivateKey } from "node:crypto";
import type { DataSource, Resource } from "@skein/model";
import { parseCertificates } from "../identity/ca.ts";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { MeshView } from "../view/mesh-view.ts";

/** Name of the secret with the authorities of a MeshExternalService, before the name of that. */
export const AUTHORITIES_SECRET = "system_extsvc_ca_";
/** Name of the secret with the certificate that proxies show to a MeshExternalService, before the name of that. */
export const CLIENT_SECRET = "system_extsvc_client_";

/** What a secret of an external service holds, as PEM. */
export type ExternalMaterial = { readonly warning?: string } & (
  | { readonly kind: "authorities"; readonly pem: string }
  | { readonly kind: "client"; readonly certificatePem: string; readonly privateKeyPem: string }
);

/** Where the material comes from. */
export interface MaterialInputs {
  readonly view: Pick<MeshView, "externalServices" | "secret" | "secretBefore">;
  readonly meshName: string;
  /** The text of a secret as it is stored, or why it cannot be read. */
  readonly openSecret: (secret: Resource) => Outcome<string, string>;
}

/** Whether a secret belongs to an external service. */
export function isExternalSecret(secret: string): boolean {
  return secret.startsWith(AUTHORITIES_SECRET) || secret.startsWith(CLIENT_SECRET);
}

/**
 * The content of a secret by its name, or a sentence that says what is missing and where. Where what is stored now is of
 * no use, what was stored before is used on, with a warning: a certificate and its key are two documents, and between
 * the two writes of a renewal they do not fit.
 */
export function externalMaterial(inputs: MaterialInputs, secret: string): Outcome<ExternalMaterial, string> {
  return secret.startsWith(AUTHORITIES_SECRET)
    ? authorities(inputs, secret.slice(AUTHORITIES_SECRET.length))
    : client(inputs, secret.slice(CLIENT_SECRET.length));
}

function authorities(inputs: MaterialInputs, name: string): Outcome<ExternalMaterial, string> {
  const source = sourceOf(inputs, name, "caCert");
  const texts = candidates(inputs, source);
  if (!texts.ok) return texts;
  const good = texts.value.find((pem) => parseCertificates(pem) !== undefined);
  const problem = `${source.where}: ${source.what} holds no certificate in PEM form`;
  if (good === undefined) return failure(problem);
  return success({ kind: "authorities", pem: good, ...(good === texts.value[0] ? {} : usedOn(problem)) });
}

function client(inputs: MaterialInputs, name: string): Outcome<ExternalMaterial, string> {
  const sources = {
    clientCert: sourceOf(inputs, name, "clientCert"),
    clientKey: sourceOf(inputs, name, "clientKey"),
  };
  const certificates = candidates(inputs, sources.clientCert);
  if (!certificates.ok) return certificates;
  const keys = candidates(inputs, sources.clientKey);
  if (!keys.ok) return keys;
  let problem: string | undefined;
  for (const certificatePem of certificates.value) {
    for (const privateKeyPem of keys.value) {
      const found = pairProblem(certificatePem, privateKeyPem);
      if (found === undefined) {
        return success({ kind: "client", certificatePem, privateKeyPem, ...usedOn(problem) });
      }
      const { where, what } = sources[found.at];
      problem ??= `${where}: ${what} ${found.text}`;
    }
  }
  return failure(problem ?? `${sources.clientCert.where} is not set`);
}

function usedOn(problem: string | undefined): { readonly warning?: string } {
  return problem === undefined ? {} : { warning: `${problem}; what was stored before is used on` };
}

type Field = "caCert" | "clientCert" | "clientKey";

function pairProblem(
  certificate: string,
  key: string,
): { readonly at: "clientCert" | "clientKey"; readonly text: string } | undefined {
  const [leaf] = parseCertificates(certificate) ?? [];
  if (leaf === undefined) return { at: "clientCert", text: "holds no certificate in PEM form" };
  try {
    return leaf.checkPrivateKey(createPrivateKey(key))
      ? undefined
      : { at: "clientKey", text: "is not the key of the certificate in clientCert" };
  } catch {
    return { at: "clientKey", text: "holds no private key in PEM form" };
  }
}

/** A data source, with words for it. */
interface Source {
  readonly from: DataSource;
  readonly where: string;
  readonly what: string;
}

function sourceOf({ view }: MaterialInputs, name: string, field: Field): Source {
  const from: DataSource = view.externalServices.at(name).get()?.spec.tls?.verification?.[field] ?? {};
  return {
    from,
    where: `MeshExternalService "${name}" tls.verification.${field}`,
    what: from.secret === undefined ? "it" : `Secret "${from.secret}"`,
  };
}

/** What a source says now, and what it said before; or why it says nothing. */
function candidates(
  { view, meshName, openSecret }: MaterialInputs,
  { from, where }: Source,
): Outcome<readonly string[], string> {
  if (from.inlineString !== undefined) return success([from.inlineString]);
  if (from.inline !== undefined) return success([Buffer.from(from.inline, "base64").toString("utf8")]);
  if (from.secret === undefined) return failure(`${where} is not set`);
  const secret = view.secret.at(from.secret).get();
  if (secret === undefined) {
    return failure(`${where}: there is no Secret "${from.secret}" in mesh "${meshName}"`);
  }
  const text = openSecret(secret);
  if (!text.ok) return failure(`${where}: ${text.error}`);
  const secretBefore = view.secretBefore.at(from.secret).get();
  const before = secretBefore && openSecret(secretBefore);
  return success(before?.ok === true ? [text.value, before.value] : [text.value]);
}
