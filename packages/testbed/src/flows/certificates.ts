import type { Sidecar } from "../world/service.ts";

interface CertificateList {
  readonly certificates: readonly {
    readonly ca_cert: readonly { readonly path: string; readonly serial_number: string }[];
    readonly cert_chain: readonly Certificate[];
  }[];
}

interface Certificate {
  readonly serial_number: string;
  readonly subject_alt_names: readonly { readonly uri?: string }[];
}

/** Workload certificates that an Envoy uses in its listeners and clusters, without its link to the control plane. */
export async function certificates(
  sidecar: Sidecar,
): Promise<readonly { serial: string; uris: readonly string[] }[]> {
  const list = JSON.parse(await sidecar.admin("/certs")) as CertificateList;
  const held = new Map<string, readonly string[]>();
  for (const { cert_chain } of list.certificates) {
    for (const { serial_number, subject_alt_names } of cert_chain) {
      const uris = subject_alt_names.flatMap(({ uri }) => uri ?? []);
      if (!uris.some((uri) => uri.includes("envoy-admin"))) held.set(serial_number, uris);
    }
  }
  return [...held].map(([serial, uris]) => ({ serial, uris }));
}

/** URIs of all of them, sorted. */
export async function certificateUris(sidecar: Sidecar): Promise<readonly string[]> {
  return [...new Set((await certificates(sidecar)).flatMap(({ uris }) => uris))].sort();
}
