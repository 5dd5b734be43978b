import type { ResourceKey } from "@skein/model/resource";
import { globalSecretKey, secretKey } from "../identity/secrets.ts";

/** The three kinds of token, each with signing keys of its own. */
export type TokenKind = "dataplane" | "zone" | "user";

/** Which secrets sign, verify and revoke a kind of token (dataplane tokens: of one mesh). */
export interface TokenFamily {
  readonly kind: TokenKind;
  /** `""` unless the kind is `dataplane`. */
  readonly mesh: string;
  readonly type: "Secret" | "GlobalSecret";
  /** Signing keys are named `<prefix>-<serial>`, one from before serials `<prefix>`. */
  readonly signingPrefix: string;
  /** Public keys of another control plane's signing keys. */
  readonly publicPrefix?: string;
  /** All lists count. */
  readonly revocations: readonly ResourceKey[];
}

/** Dataplane tokens of one mesh. */
export function dataplaneTokens(mesh: string): TokenFamily {
  const revocations = `dataplane-token-revocations-${mesh}`;
  return {
    kind: "dataplane",
    mesh,
    type: "Secret",
    signingPrefix: `dataplane-token-signing-key-${mesh}`,
    revocations: [secretKey(mesh, revocations), globalSecretKey(revocations)],
  };
}

/** Zone tokens: zone proxies and zone control planes. */
export const zoneTokens: TokenFamily = {
  kind: "zone",
  mesh: "",
  type: "GlobalSecret",
  signingPrefix: "zone-token-signing-key",
  publicPrefix: "zone-token-signing-public-key",
  revocations: [globalSecretKey("zone-token-revocations")],
};

/** User tokens of this control plane. */
export const userTokens: TokenFamily = {
  kind: "user",
  mesh: "",
  type: "GlobalSecret",
  signingPrefix: "user-token-signing-key",
  revocations: [globalSecretKey("user-token-revocations")],
};
