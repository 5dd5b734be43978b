import { randomBytes } from "node:crypto";
import { createCa } from "@skein/control-plane/identity/ca";
import { stringify } from "yaml";
import { TRUST_DOMAIN } from "./documents.ts";
import { documents, MESH } from "./scene.ts";

/** A CA of a company's own, as secrets of the mesh. */
export interface OwnAuthority {
  /** The secrets' documents. */
  readonly secrets: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** `provider.bundled.ca` of a MeshIdentity that reads them. */
  readonly ca: object;
}

/** Makes a CA, under secrets that begin with `name`. */
export async function ownAuthority(name: string): Promise<OwnAuthority> {
  const made = await createCa({
    commonName: `${name} of ${TRUST_DOMAIN}`,
    uri: `spiffe://${TRUST_DOMAIN}`,
    now: Date.now(),
    random: randomBytes,
  });
  const secret = (part: string, pem: string): string =>
    stringify({
      type: "Secret",
      mesh: MESH,
      name: `${name}-${part}`,
      data: Buffer.from(pem).toString("base64"),
    });
  const from = (part: string): object => ({
    type: "Secret",
    secretRef: { kind: "Secret", name: `${name}-${part}` },
  });
  return {
    secrets: documents(secret("cert", made.certificatePem), secret("key", made.privateKeyPem)),
    ...made,
    ca: { certificate: from("cert"), privateKey: from("key") },
  };
}
