import type { DataplaneResource, MeshIdentityResource, MeshResource } from "@skein/model";
import { matchingIdentities } from "../identity/selection.ts";
import type { Store } from "../store/store.ts";

/** What keeps a MeshIdentity from giving anybody a certificate. */
export function identityWarnings(
  identity: MeshIdentityResource,
  dataplanes: readonly DataplaneResource[],
  store: Store,
): readonly string[] {
  const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name: identity.mesh });
  const warnings: string[] = [];
  if (mesh?.spec.meshServices?.mode !== "Exclusive") {
    warnings.push(
      `mesh "${identity.mesh}" has no meshServices.mode: Exclusive, so no certificates are issued`,
    );
  }
  if (
    dataplanes.length > 0 &&
    !dataplanes.some(({ labels }) => matchingIdentities([identity], labels).length > 0)
  ) {
    warnings.push("spec.selector selects none of the dataplanes that are there now");
  }
  return warnings;
}
