import { parseCalendarDuration } from "@skein/model/duration";
import type { MeshMtlsBackend } from "@skein/model/kinds/mesh";
import { type CaEnvironment, ensureCaSecrets } from "./bundled.ts";
import { type CertificateAuthority, createCa, loadCa } from "./ca.ts";
import { readDataSource } from "./data-source.ts";
import { failure, type Outcome } from "./outcome.ts";
import { secretKey } from "./secrets.ts";

/** Names of the two secrets of a builtin backend's CA. */
export function builtinSecretNames(
  mesh: string,
  backend: string,
): { readonly certificate: string; readonly privateKey: string } {
  return {
    certificate: `${mesh}.ca-builtin-cert-${backend}`,
    privateKey: `${mesh}.ca-builtin-key-${backend}`,
  };
}

/**
 * The CA of a mesh's mTLS backend. A builtin one is made once (with an ECDSA P-256 key, whatever `rsaBits` asks), kept in two secrets of the mesh that belong to the Mesh,
 * and read from there ever after; a provided one is read from its data sources. The error is a sentence.
 * @throws StoreError when the store cannot be written
 */
export async function ensureMtlsCa(
  environment: CaEnvironment,
  mesh: string,
  backend: MeshMtlsBackend,
): Promise<Outcome<CertificateAuthority, string>> {
  const material =
    backend.type === "builtin"
      ? await builtinMaterial(environment, mesh, backend)
      : await providedMaterial(environment, mesh, backend);
  if (!material.ok) return failure(`mtls backend "${backend.name}": ${material.error}`);
  const ca = loadCa(material.value, { now: environment.now(), allowSelfSigned: true });
  return ca.ok ? ca : failure(`mtls backend "${backend.name}": ${ca.error.message}`);
}

function builtinMaterial(
  environment: CaEnvironment,
  mesh: string,
  backend: MeshMtlsBackend,
): ReturnType<typeof ensureCaSecrets> {
  const names = builtinSecretNames(mesh, backend.name ?? "");
  const lifetimeMs = parseCalendarDuration(backend.conf?.caCert?.expiration ?? "") ?? 0;
  return ensureCaSecrets(environment, {
    certificate: secretKey(mesh, names.certificate),
    privateKey: secretKey(mesh, names.privateKey),
    owner: { type: "Mesh", mesh: "", name: mesh },
    make: () =>
      createCa({
        commonName: mesh,
        uri: `spiffe://${mesh}`,
        now: environment.now(),
        random: environment.random,
        ...(lifetimeMs > 0 && { lifetimeMs }),
      }),
  });
}

async function providedMaterial(
  environment: CaEnvironment,
  mesh: string,
  backend: MeshMtlsBackend,
): ReturnType<typeof ensureCaSecrets> {
  const cert = await readDataSource(environment, mesh, backend.conf?.cert ?? {});
  if (!cert.ok) return failure(`conf.cert: ${cert.error}`);
  const key = await readDataSource(environment, mesh, backend.conf?.key ?? {});
  if (!key.ok) return failure(`conf.key: ${key.error}`);
  return { ok: true, value: { certificatePem: cert.value, privateKeyPem: key.value } };
}
