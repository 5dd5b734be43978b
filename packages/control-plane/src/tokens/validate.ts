import { createHash, type KeyObject } from "node:crypto";
import type { Resource } from "@skein/model/resource";
import { compactVerify, decodeJwt, decodeProtectedHeader, errors } from "jose";
import type * as z from "zod";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { Secrets } from "../identity/secrets.ts";
import {
  type DataplaneClaims,
  dataplaneClaimsSchema,
  type RegisteredClaims,
  registeredClaimsSchema,
  type UserClaims,
  userClaimsSchema,
  type ZoneClaims,
  zoneClaimsSchema,
} from "./claims.ts";
import type { OfflineKey } from "./offline-keys.ts";
import { createRevocations } from "./revocations.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { dataplaneTokens, type TokenFamily, type TokenKind, userTokens, zoneTokens } from "./token-family.ts";

export type TokenErrorCode =
  | "malformed"
  | "wrong-algorithm"
  | "missing-kid"
  | "unknown-kid"
  | "bad-signature"
  | "expired"
  | "not-yet-valid"
  | "invalid-claims"
  | "wrong-mesh"
  | "revoked"
  | "key-unusable";

/** Why a token is not accepted. `message` may be shown to whoever sent it. */
export interface TokenError {
  readonly code: TokenErrorCode;
  readonly message: string;
}

/** Where a kind of token's public keys come from: the configuration first, then the secrets of the store. */
export interface TokenKeySources {
  readonly offlineKeys: readonly OfflineKey[];
  readonly useSecrets: boolean;
}

export interface TokenValidatorOptions {
  readonly secrets: Secrets;
  readonly keys: SigningKeys;
  readonly now: () => number;
  readonly sources: Readonly<Record<TokenKind, TokenKeySources>>;
  /** Verified tokens remembered. 10,000 by default. */
  readonly cacheSize?: number;
}

/** Verifies tokens. What a token says is checked against its bearer elsewhere. */
export interface TokenValidator {
  /** A dataplane token for a proxy of `mesh`. */
  dataplane(token: string, mesh: string): Promise<Outcome<DataplaneClaims, TokenError>>;
  zone(token: string): Promise<Outcome<ZoneClaims, TokenError>>;
  user(token: string): Promise<Outcome<UserClaims, TokenError>>;
}

interface Verified<Claims> {
  readonly claims: Claims;
  readonly registered: RegisteredClaims;
  /** Undefined for a key of the configuration, which never changes. */
  readonly secret: Resource | undefined;
}

const longestToken = 16_384;

/**
 * Verifies signature, validity, claims and revocation. A token that was verified is remembered by its hash, and
 * accepted again without looking at its signature for as long as the secret of its key is the same document; time and
 * revocation are checked at every call.
 */
export function createTokenValidator(options: TokenValidatorOptions): TokenValidator {
  const { store } = options.secrets;
  const revocations = createRevocations(options.secrets);
  const cacheSize = options.cacheSize ?? 10_000;

  function validatorOf<Claims>(schema: z.ZodType<Claims>) {
    const cache = new Map<string, Verified<Claims>>();
    return async (family: TokenFamily, token: string): Promise<Outcome<Claims, TokenError>> => {
      if (token.length > longestToken) return refused("malformed", "the token is longer than any token is");
      const hash = createHash("sha256").update(`${family.mesh}\n${token}`).digest("base64");
      const known = cache.get(hash);
      if (known !== undefined && (known.secret === undefined || store.get(known.secret) === known.secret)) {
        const valid = checkNow(family, known.registered);
        return valid.ok ? success(known.claims) : valid;
      }
      cache.delete(hash);
      const verified = await verify(family, token);
      if (!verified.ok) return verified;
      const { payload, secret } = verified.value;
      const registered = registeredClaimsSchema.safeParse(payload);
      const claims = schema.safeParse(payload);
      if (!registered.success || !claims.success) {
        const issues = [registered, claims].flatMap(({ error }) => (error ? [issuesOf(error)] : []));
        return refused("invalid-claims", `the token is not a ${family.kind} token: ${issues.join("; ")}`);
      }
      const valid = checkNow(family, registered.data);
      if (!valid.ok) return valid;
      remember(cache, hash, { claims: claims.data, registered: registered.data, secret });
      return success(claims.data);
    };
  }

  function remember<Value>(cache: Map<string, Value>, hash: string, value: Value): void {
    cache.set(hash, value);
    for (const oldest of cache.keys()) {
      if (cache.size <= cacheSize) return;
      cache.delete(oldest);
    }
  }

  async function verify(
    family: TokenFamily,
    token: string,
  ): Promise<Outcome<{ payload: unknown; secret: Resource | undefined }, TokenError>> {
    const kid = checkHeader(family, token);
    if (!kid.ok) return kid;
    const { keys, unusable } = keysFor(family, kid.value);
    for (const key of keys) {
      const payload = await verifySignature(token, key.publicKey);
      if (payload !== undefined) return success({ payload, secret: key.secret });
    }
    if (keys.length > 0) {
      return refused("bad-signature", `the token was not signed with the key "${kid.value}"`);
    }
    if (unusable !== undefined) return refused("key-unusable", unusable);
    const where = family.mesh === "" ? "" : ` of mesh "${family.mesh}"`;
    return refused("unknown-kid", `there is no key "${kid.value}" for ${family.kind} tokens${where}`);
  }

  function keysFor(family: TokenFamily, kid: string) {
    const { offlineKeys, useSecrets } = options.sources[family.kind];
    const keys: { publicKey: KeyObject; secret: Resource | undefined }[] = offlineKeys
      .filter((key) => key.kid === kid && (key.mesh === undefined || key.mesh === family.mesh))
      .map(({ publicKey }) => ({ publicKey, secret: undefined }));
    let unusable: string | undefined;
    for (const key of useSecrets ? options.keys.verificationKeys(family, kid) : []) {
      if (key.ok) keys.push(key.value);
      else unusable = key.error;
    }
    return { keys, unusable };
  }

  function checkNow(family: TokenFamily, { exp, nbf, jti }: RegisteredClaims): Outcome<void, TokenError> {
    const now = options.now() / 1000;
    if (exp !== undefined && now >= exp) return refused("expired", `the token expired at ${isoTime(exp)}`);
    if (nbf !== undefined && now < nbf) {
      return refused("not-yet-valid", `the token is valid only from ${isoTime(nbf)}`);
    }
    const { revoked, reason } = revocations.check(family, jti ?? "");
    return revoked ? refused("revoked", reason) : success(undefined);
  }

  const dataplane = validatorOf(dataplaneClaimsSchema);
  const zone = validatorOf(zoneClaimsSchema);
  const user = validatorOf(userClaimsSchema);
  return {
    dataplane: (token, mesh) => dataplane(dataplaneTokens(mesh), token),
    zone: (token) => zone(zoneTokens, token),
    user: (token) => user(userTokens, token),
  };
}

function checkHeader(family: TokenFamily, token: string): Outcome<string, TokenError> {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    const { Mesh } = decodeJwt(token);
    if (alg !== "RS256")
      return refused("wrong-algorithm", `the token is signed with ${alg}: RS256 is accepted`);
    if (typeof kid !== "string" || kid === "") return refused("missing-kid", "the token's header has no kid");
    if (family.kind === "dataplane" && typeof Mesh === "string" && Mesh !== "" && Mesh !== family.mesh) {
      return refused(
        "wrong-mesh",
        `the token is for mesh "${Mesh}", and the proxy is in mesh "${family.mesh}"`,
      );
    }
    return success(kid);
  } catch {
    return refused("malformed", "the token is not a JSON Web Token");
  }
}

/** The payload where the signature is the key's. The header was read before, so what jose refuses besides is no JWT. */
async function verifySignature(token: string, key: KeyObject): Promise<unknown> {
  try {
    const { payload } = await compactVerify(token, key, { algorithms: ["RS256"] });
    return JSON.parse(Buffer.from(payload).toString("utf8"));
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

function issuesOf(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
}

function isoTime(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}

function refused(code: TokenErrorCode, message: string): Outcome<never, TokenError> {
  return failure({ code, message });
}
