import { randomUUID } from "node:crypto";
import type { ResourceKey } from "@skein/model/resource";
import { type Secrets, sealSecret } from "../identity/secrets.ts";
import { newSecrets } from "../identity/testing.ts";
import type { TokenIssuer } from "./issue.ts";
import { createSigningKeys, type SigningKeys } from "./signing-keys.ts";
import { createTokenValidator, type TokenKeySources, type TokenValidator } from "./validate.ts";

/** An empty store with everything that tokens need, and a clock that tests set. */
export interface TokenWorld {
  readonly secrets: Secrets;
  readonly keys: SigningKeys;
  readonly issuer: TokenIssuer;
  readonly validator: TokenValidator;
  readonly clock: { now: number };
  put(key: ResourceKey, value: string | Uint8Array): Promise<void>;
}

/** Makes a world with the mesh `default`. */
export async function tokenWorld(sources: Partial<TokenKeySources> = {}): Promise<TokenWorld> {
  const secrets = newSecrets();
  const meshes = ["default", "other"].map((name) => ({ type: "Mesh", mesh: "", name, labels: {}, spec: {} }));
  await secrets.store.write(meshes.map((resource) => ({ op: "create", resource })));
  const clock = { now: Math.floor(Date.now() / 1000) * 1000 };
  const keys = createSigningKeys(secrets);
  const all: TokenKeySources = { offlineKeys: [], useSecrets: true, ...sources };
  const now = (): number => clock.now;
  return {
    secrets,
    keys,
    clock,
    issuer: { keys, now, uuid: randomUUID },
    validator: createTokenValidator({
      secrets,
      keys,
      now,
      sources: { dataplane: all, zone: all, user: all },
    }),
    async put(key, value) {
      await secrets.store.write([{ op: "put", resource: sealSecret(secrets.cipher, key, value) }]);
    },
  };
}
