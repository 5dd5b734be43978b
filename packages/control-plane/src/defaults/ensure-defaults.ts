import type { NewResource, Resource } from "@skein/model";
import type { Store, Write } from "../store/store.ts";
import { StoreError } from "../store/store.ts";
import { ensureAdminToken } from "../tokens/admin-token.ts";
import type { TokenIssuer } from "../tokens/issue.ts";
import { userTokens, zoneTokens } from "../tokens/token-family.ts";
import { builtIn } from "./default-policies.ts";
import { defaultHostnameGenerators } from "./hostname-generators.ts";
import { type MeshDefaultsEnvironment, onMeshCreated } from "./mesh-defaults.ts";

/** What starting a control plane takes. */
export interface DefaultsEnvironment extends MeshDefaultsEnvironment {
  /** `defaults.skipMeshCreation`. */
  readonly skipMeshCreation: boolean;
  /** `defaults.skipHostnameGenerators`. */
  readonly skipHostnameGenerators: boolean;
  /** `apiServer.authn.tokens.bootstrapAdminToken`. */
  readonly bootstrapAdminToken: boolean;
  readonly tokens: TokenIssuer;
}

/**
 * Brings a store to what every control plane starts with: the `default` Mesh, signing keys, the admin's token, hostname
 * generators, and the Zone of this control plane as the only one. What exists stays as it is. Safe to repeat, and for
 * several control planes to do at once.
 *
 * @throws StoreError when the store cannot be written
 * @throws Error when the admin's token cannot be made; the message says why
 */
export async function ensureDefaults(environment: DefaultsEnvironment): Promise<void> {
  if (environment.skipTenantResources) return;
  const { store, context, cipher, tokens } = environment;
  const isFederatedZone = context.mode === "zone" && context.federated;
  if (!isFederatedZone) {
    if (!environment.skipMeshCreation) await ensureDefaultMesh(environment);
    await tokens.keys.ensure(zoneTokens);
  }
  await tokens.keys.ensure(userTokens);
  if (environment.bootstrapAdminToken) {
    const token = await ensureAdminToken({ store, cipher }, tokens);
    if (!token.ok) throw new Error(`the admin's user token could not be made: ${token.error}`);
  }
  if (!environment.skipHostnameGenerators) {
    await createMissing(store, defaultHostnameGenerators(environment.registry, context));
  }
  if (context.mode === "zone") await ensureZone(environment);
}

async function ensureDefaultMesh(environment: DefaultsEnvironment): Promise<void> {
  const { store, registry, context } = environment;
  if (store.get({ type: "Mesh", mesh: "", name: "default" })) return;
  const mesh = builtIn(registry, { type: "Mesh", name: "default" }, context);
  if (!mesh) return;
  const companions = await onMeshCreated(environment, mesh);
  await createUnlessThere(store, [{ op: "create", resource: mesh }, ...companions]);
}

async function ensureZone({ store, registry, context }: DefaultsEnvironment): Promise<void> {
  const zone = builtIn(registry, { type: "Zone", name: context.zone }, context);
  const others = store.list({ type: "Zone" }).filter(({ name }) => name !== context.zone);
  if (others.length > 0) await store.write(others.map((key: Resource): Write => ({ op: "delete", key })));
  // The control plane's own Zone carries no labels, so that it is `kri_z____<name>_` everywhere.
  if (zone) await createMissing(store, [{ ...zone, labels: {} }]);
}

async function createMissing(store: Store, resources: readonly NewResource[]): Promise<void> {
  for (const resource of resources) {
    if (!store.get(resource)) await createUnlessThere(store, [{ op: "create", resource }]);
  }
}

/** Another control plane that was first has done the work. */
async function createUnlessThere(store: Store, writes: readonly Write[]): Promise<void> {
  try {
    await store.write(writes);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== "already-exists") throw error;
  }
}
