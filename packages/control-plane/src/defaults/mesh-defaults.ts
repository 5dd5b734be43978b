import { type LabelContext, type NewResource, parseCalendarDuration, type Registry } from "@skein/model";
import { builtinSecretNames } from "../identity/builtin.ts";
import { createCa } from "../identity/ca.ts";
import { sealSecret, secretKey } from "../identity/secrets.ts";
import type { SecretsCipher } from "../identity/secrets-cipher.ts";
import type { RandomBytes } from "../identity/x509/serial.ts";
import { child, records, text } from "../insights/fields.ts";
import type { Store, Write } from "../store/store.ts";
import { newSigningKey } from "../tokens/signing-keys.ts";
import { dataplaneTokens } from "../tokens/token-family.ts";
import { defaultPolicies } from "./default-policies.ts";

/** What making the companions of a Mesh takes. */
export interface MeshDefaultsEnvironment {
  readonly store: Store;
  readonly registry: Registry;
  readonly cipher: SecretsCipher;
  readonly context: LabelContext;
  /** `defaults.skipTenantResources`: a new mesh gets nothing. */
  readonly skipTenantResources: boolean;
  readonly now: () => number;
  readonly random: RandomBytes;
}

/**
 * What a Mesh needs beside itself, for the transaction that creates it: the key that signs its dataplane tokens, the
 * CAs of its builtin backends, and its first policies.
 */
export async function onMeshCreated(
  environment: MeshDefaultsEnvironment,
  mesh: NewResource,
): Promise<readonly Write[]> {
  if (environment.skipTenantResources) return [];
  const { skipCreatingInitialPolicies } = child({ spec: mesh.spec }, "spec");
  const skip = Array.isArray(skipCreatingInitialPolicies) ? skipCreatingInitialPolicies.map(String) : [];
  const resources = [
    await newSigningKey(environment.cipher, dataplaneTokens(mesh.name), 1),
    ...(await missingCas(environment, mesh)),
    ...defaultPolicies(environment.registry, mesh.name, skip, environment.context),
  ];
  return resources.map((resource) => ({ op: "create", resource }));
}

/** As `onMeshCreated`, also for updates, which need the CAs of backends that are new. */
export async function onMeshWritten(
  environment: MeshDefaultsEnvironment,
  mesh: NewResource,
  before: NewResource | undefined,
): Promise<readonly Write[]> {
  if (!before) return onMeshCreated(environment, mesh);
  const secrets = await missingCas(environment, mesh);
  return secrets.map((resource) => ({ op: "create", resource }));
}

async function missingCas(
  { store, cipher, now, random }: MeshDefaultsEnvironment,
  mesh: NewResource,
): Promise<readonly NewResource[]> {
  const owner = { type: "Mesh", mesh: "", name: mesh.name };
  const builtin = records(child(mesh.spec, "mtls").backends).filter(
    (each) => text(each, "type") === "builtin",
  );
  const pairs = builtin.map(async (backend): Promise<readonly NewResource[]> => {
    const names = builtinSecretNames(mesh.name, text(backend, "name"));
    const certificate = secretKey(mesh.name, names.certificate);
    const privateKey = secretKey(mesh.name, names.privateKey);
    if (store.get(certificate) ?? store.get(privateKey)) return [];
    const lifetimeMs = parseCalendarDuration(text(child(child(backend, "conf"), "caCert"), "expiration"));
    const ca = await createCa({
      commonName: mesh.name,
      uri: `spiffe://${mesh.name}`,
      now: now(),
      random,
      ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
    });
    return [
      sealSecret(cipher, certificate, ca.certificatePem, owner),
      sealSecret(cipher, privateKey, ca.privateKeyPem, owner),
    ];
  });
  return (await Promise.all(pairs)).flat();
}
