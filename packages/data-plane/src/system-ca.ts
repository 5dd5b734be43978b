import { existsSync } from "node:fs";

/** Where distributions keep the roots that they trust. */
const PLACES = [
  "/etc/ssl/certs/ca-certificates.crt", // Debian, Ubuntu, Alpine, Arch
  "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
  "/etc/pki/tls/certs/ca-bundle.crt", // older RHEL
  "/etc/ssl/ca-bundle.pem", // SUSE
  "/etc/ssl/cert.pem", // Alpine, BSDs
];

/** The file with the roots that this machine trusts; undefined where it has none in a usual place. */
export function findSystemCa(exists: (path: string) => boolean = existsSync): string | undefined {
  return PLACES.find(exists);
}
