import {
  displayName,
  type MeshIdentityResource,
  type MeshResource,
  type MeshTrustResource,
} from "@skein/model";
import { type CaEnvironment, ensureBundledCa } from "../identity/bundled.ts";
import type { CertificateAuthority } from "../identity/ca.ts";
import {
  type IdentityError,
  type IdentityState,
  identityConditions,
  meshServicesError,
  providerNotFound,
} from "../identity/conditions.ts";
import { desiredMeshTrust } from "../identity/mesh-trust.ts";
import { trustDomainOf } from "../identity/selection.ts";
import { meshIdentityKri } from "../plan/identities.ts";
import { type Store, StoreError } from "../store/store.ts";

/** What MeshIdentities are brought to life with. */
export interface BringUpOptions {
  readonly store: Store;
  readonly environment: CaEnvironment;
  readonly zone: string;
}

/** Makes or reads the CA of a MeshIdentity, keeps its MeshTrust, and tells how far it got. */
export async function bringUpIdentity(
  options: BringUpOptions,
  mesh: MeshResource,
  identity: MeshIdentityResource,
): Promise<{ readonly state: IdentityState; readonly ca: CertificateAuthority | undefined }> {
  const failed = (error: IdentityError) => ({ state: { kind: "failed" as const, error }, ca: undefined });
  const disabled = meshServicesError(mesh.spec.meshServices?.mode);
  if (disabled !== undefined) return failed(disabled);
  const provider = identity.spec.provider;
  if (provider === undefined) return { state: { kind: "spiffe-id-only" }, ca: undefined };
  if (provider.type !== "Bundled") return failed(providerNotFound(provider.type, ["Bundled"]));
  const context = { zone: options.zone, environment: "universal" as const };
  const trustDomain = trustDomainOf(context, identity);
  if (!trustDomain.ok) return failed({ reason: "ProviderInitializationError", message: trustDomain.error });
  const bundled = provider.bundled ?? {};
  const ca = await ensureBundledCa(options.environment, {
    key: { type: identity.type, mesh: identity.mesh, name: identity.name },
    displayName: displayName(identity),
    trustDomain: trustDomain.value,
    bundled,
  });
  if (!ca.ok) return failed(ca.error);
  const creates = bundled.meshTrustCreation !== "Disabled";
  if (creates) await ensureTrust(options.store, identity, trustDomain.value, ca.value);
  const meshTrust = !creates ? "not-created" : ca.value.hasRoot ? "created" : "without-root";
  return { state: { kind: "ready", meshTrust }, ca: ca.value };
}

async function ensureTrust(
  store: Store,
  identity: MeshIdentityResource,
  trustDomain: string,
  ca: CertificateAuthority,
): Promise<void> {
  const key = { type: "MeshTrust", mesh: identity.mesh, name: identity.name };
  const existing = store.get<MeshTrustResource>(key);
  const wanted = desiredMeshTrust(
    { key: identity, kri: meshIdentityKri(identity), trustDomain, caPem: ca.trustPem },
    existing,
  );
  if (wanted === undefined) return;
  const resource = { ...wanted, owner: { type: "Mesh", mesh: "", name: identity.mesh } };
  await store.write([
    existing === undefined
      ? { op: "create", resource }
      : { op: "update", resource, ifRevision: existing.revision },
  ]);
}

/** Writes how far a MeshIdentity got into its conditions. */
export async function reportIdentity(
  store: Store,
  identity: MeshIdentityResource,
  state: IdentityState,
): Promise<void> {
  const current = store.get<MeshIdentityResource>(identity);
  if (current === undefined) return;
  const { type, mesh, name, labels, spec, owner, revision } = current;
  const status = { conditions: [...identityConditions(state)] };
  if (JSON.stringify(current.status) === JSON.stringify(status)) return;
  const resource = { type, mesh, name, labels, spec, status, ...(owner === undefined ? {} : { owner }) };
  try {
    await store.write([{ op: "update", resource, ifRevision: revision }]);
  } catch (error) {
    // Somebody was quicker; their write wakes the controller again.
    if (!(error instanceof StoreError) || error.code === "unavailable") throw error;
  }
}
