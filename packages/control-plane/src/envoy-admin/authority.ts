import { type CertificateAuthority, createCa, loadCa } from "../identity/ca.ts";
import { createSecrets, globalSecretKey, readSecret, type Secrets, sealSecret } from "../identity/secrets.ts";
import type { RandomBytes } from "../identity/x509/serial.ts";
import { StartError } from "../start-error.ts";

const KEY = globalSecretKey("envoy-admin-ca");

/** The URI in the certificate with which the control plane calls Envoy's admin interface: nobody else has it. */
export const ADMIN_CLIENT_URI = "spiffe://envoy-admin/control-plane";

/** The URI in the certificate of one proxy's admin listener. */
export function adminServerUri(mesh: string, name: string): string {
  return `spiffe://envoy-admin/proxy/${mesh}/${name}`;
}

/**
 * The CA between the control plane and the proxies' admin listeners, kept in the GlobalSecret `envoy-admin-ca`.
 * @throws StartError when what is stored there is not usable
 */
export async function ensureAdminAuthority(
  secrets: Secrets,
  now: () => number,
  random: RandomBytes,
): Promise<CertificateAuthority> {
  if (readSecret(secrets, KEY) === undefined) {
    const { certificatePem, privateKeyPem } = await createCa({
      commonName: "Envoy Admin CA",
      uri: "spiffe://envoy-admin",
      now: now(),
      random,
    });
    await createSecrets(secrets.store, [
      sealSecret(secrets.cipher, KEY, `${certificatePem}\n${privateKeyPem}`),
    ]);
  }
  const stored = readSecret(secrets, KEY);
  if (stored === undefined || !stored.ok) {
    throw new StartError(
      `GlobalSecret "${KEY.name}" cannot be read: ${stored?.ok === false ? stored.error : "it is gone"}`,
    );
  }
  const text = Buffer.from(stored.value).toString("utf8");
  const at = text.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/);
  const material = { certificatePem: text.slice(0, at), privateKeyPem: text.slice(at) };
  const ca = at < 0 ? undefined : loadCa(material, { now: now(), allowSelfSigned: true });
  if (ca === undefined || !ca.ok) {
    throw new StartError(
      `GlobalSecret "${KEY.name}" is not a CA (${ca?.ok === false ? ca.error.message : "no private key"}): delete it to have a new one made`,
    );
  }
  return ca.value;
}
