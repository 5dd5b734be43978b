import { generateEcKeyPair } from "../identity/x509/keys.ts";
import type { RandomBytes } from "../identity/x509/serial.ts";
import { createSelfSignedServer } from "../tls/self-signed.ts";
import { replaceObjects } from "./static-bootstrap.ts";

/** A certificate and key that are good for nothing but being read. */
export interface StandIn {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** Makes a certificate that stands in for every other: real keys have no business in a file. */
export async function createStandIn(now: number, random: RandomBytes): Promise<StandIn> {
  const { privateKeyPem } = await generateEcKeyPair();
  return {
    certificatePem: await createSelfSignedServer({ hosts: [], now, random }, privateKeyPem),
    keyPem: privateKeyPem,
  };
}

/** A secret for each name that a configuration takes from the control plane, as JSON. */
export function standInSecrets(
  config: unknown,
  standIn: StandIn,
): readonly Readonly<Record<string, unknown>>[] {
  const secrets = new Map<string, Readonly<Record<string, unknown>>>();
  const note = (reference: unknown, make: (name: string) => Readonly<Record<string, unknown>>): void => {
    const { name, sdsConfig } = Object(reference) as { name?: unknown; sdsConfig?: unknown };
    const isOurs = Reflect.get(Object(sdsConfig), "ads") !== undefined;
    if (typeof name === "string" && isOurs) secrets.set(name, make(name));
  };
  replaceObjects(config, (object) => {
    const certificates = object.tlsCertificateSdsSecretConfigs;
    for (const each of Array.isArray(certificates) ? certificates : []) {
      note(each, (name) => ({
        name,
        tlsCertificate: {
          certificateChain: { inlineString: standIn.certificatePem },
          privateKey: { inlineString: standIn.keyPem },
        },
      }));
    }
    note(object.validationContextSdsSecretConfig, (name) => ({
      name,
      validationContext: { trustedCa: { inlineString: standIn.certificatePem } },
    }));
    return object;
  });
  return [...secrets.values()];
}
