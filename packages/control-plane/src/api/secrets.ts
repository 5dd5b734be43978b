import type { KindDefinition, NewResource, Resource } from "@skein/model";
import { openSecret, sealSecret } from "../identity/secrets.ts";
import type { SecretsCipher } from "../identity/secrets-cipher.ts";
import { child, text } from "../insights/fields.ts";
import { Problem, titles } from "./problem.ts";

/**
 * A resource as its readers should see it: secrets in clear.
 * @throws Problem 500 when a secret cannot be decrypted
 */
export function opened<R extends Resource>(cipher: SecretsCipher, kind: KindDefinition, resource: R): R {
  if (kind.adminOnly !== true || !hasData(resource)) return resource;
  const bytes = openSecret(cipher, resource);
  if (!bytes.ok) throw new Problem(500, titles.retrieve, bytes.error);
  return { ...resource, spec: { data: Buffer.from(bytes.value).toString("base64") } };
}

/**
 * A resource as it is stored: secrets encrypted, where there is a key. A secret that still says what `current` says
 * stays as it is, so that writing it again changes nothing.
 */
export function sealed(
  cipher: SecretsCipher,
  kind: KindDefinition,
  resource: NewResource,
  current: Resource | undefined,
): NewResource {
  if (kind.adminOnly !== true || !hasData(resource)) return resource;
  const { type, mesh, name, spec } = resource;
  const bytes = Buffer.from(dataOf(spec), "base64");
  if (current && hasData(current)) {
    const before = openSecret(cipher, current);
    const isCurrentKey = !cipher.isOutdated(Buffer.from(dataOf(current.spec), "base64"));
    if (isCurrentKey && before.ok && bytes.equals(before.value)) return { ...resource, spec: current.spec };
  }
  return { ...resource, spec: sealSecret(cipher, { type, mesh, name }, bytes).spec };
}

function hasData(resource: NewResource): boolean {
  return dataOf(resource.spec) !== "";
}

function dataOf(spec: unknown): string {
  return text(child({ spec }, "spec"), "data");
}
