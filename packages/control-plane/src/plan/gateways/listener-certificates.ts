import type { MeshGatewayListener, MeshGatewayResource } from "@skein/model";
import { type CertificateInputs, certificateNames, gatewayCertificate } from "./certificates.ts";

/**
 * Names of the certificates of a listener that are there. What is wrong with one is no reason not to serve with the
 * other; `note` hears of it.
 */
export function usableCertificates(
  inputs: CertificateInputs,
  gateway: MeshGatewayResource,
  listener: MeshGatewayListener,
  note: (type: string, message: string) => void,
): readonly string[] {
  const byKeyType = new Map<string, string>();
  for (const [i, name] of certificateNames(gateway, listener).entries()) {
    const field = `tls.certificates[${i}]`;
    const found = gatewayCertificate(inputs, name);
    if (!found.ok) {
      note("InvalidCertificate", `${field}: ${found.error}`);
      continue;
    }
    const { keyType, warning } = found.value;
    if (warning !== undefined) note("OutdatedSecret", `${field}: ${warning}`);
    if (byKeyType.has(keyType)) {
      note(
        "InvalidCertificate",
        `${field}: has a key of type ${keyType} as the one before it, and is not used: of two certificates one must have an RSA and one an ECDSA key`,
      );
      continue;
    }
    byKeyType.set(keyType, name);
  }
  return [...byKeyType.values()];
}
