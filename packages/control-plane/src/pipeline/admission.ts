import type { DataplaneResource, DataplaneSpec, LabelContext, MeshResource, NewResource } from "@skein/model";
import { withZoneTags } from "../defaults/dataplane-defaults.ts";
import type { Outcome } from "../identity/outcome.ts";
import type { Store } from "../store/store.ts";
import {
  type AuthenticatedProxy,
  checkDataplaneToken,
  checkWorkloadLabel,
} from "../tokens/dataplane-auth.ts";
import type { TokenValidator } from "../tokens/validate.ts";
import { type ProxyInfo, StreamRefused } from "../xds/fleet.ts";
import { authenticatedProxy, registeredDataplane } from "./registration.ts";

/** What proxies are judged by. */
export interface AdmissionOptions {
  readonly store: Store;
  readonly labels: LabelContext;
  /** Verifies dataplane tokens; absent where proxies need none. */
  readonly tokens: TokenValidator | undefined;
}

/**
 * Finds out whether a proxy may have a stream, and answers with the Dataplane that it brings along, if any.
 * @throws StreamRefused
 */
export async function admittedDataplane(
  { store, labels, tokens }: AdmissionOptions,
  node: ProxyInfo,
): Promise<NewResource<DataplaneSpec> | undefined> {
  const mesh = requireMesh(store, node.mesh);
  const brought = registeredDataplane(node, labels, (resource) => withZoneTags(resource, mesh, labels.zone));
  const stored = store.get<DataplaneResource>({ type: "Dataplane", mesh: node.mesh, name: node.name });
  const dataplane: NewResource<DataplaneSpec> | undefined = brought ?? stored;
  if (dataplane === undefined) {
    throw new StreamRefused(
      "invalid-argument",
      `there is no Dataplane "${node.name}" in mesh "${node.mesh}", and the proxy brought none along`,
    );
  }
  const allowed = await authenticate(tokens, node, authenticatedProxy(store, dataplane, labels));
  if (!allowed.ok) throw new StreamRefused("unauthenticated", allowed.error);
  return brought;
}

async function authenticate(
  tokens: TokenValidator | undefined,
  node: Pick<ProxyInfo, "mesh" | "token">,
  proxy: AuthenticatedProxy,
): Promise<Outcome<unknown, string>> {
  if (tokens === undefined) return checkWorkloadLabel(proxy);
  if (node.token === undefined || node.token === "") {
    return { ok: false, error: "a dataplane token is needed; none came with the stream" };
  }
  const claims = await tokens.dataplane(node.token, node.mesh);
  if (!claims.ok) return { ok: false, error: claims.error.message };
  return checkDataplaneToken(claims.value, proxy);
}

/** The mesh of a proxy. @throws StreamRefused */
function requireMesh(store: Store, name: string): MeshResource {
  const mesh = store.get<MeshResource>({ type: "Mesh", mesh: "", name });
  if (mesh === undefined) throw new StreamRefused("invalid-argument", `there is no mesh "${name}"`);
  return mesh;
}
