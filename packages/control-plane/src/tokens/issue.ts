import type { KeyObject } from "node:crypto";
import { SignJWT } from "jose";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { DataplaneClaims, UserClaims, ZoneClaims } from "./claims.ts";
import type { SigningKeys } from "./signing-keys.ts";
import { dataplaneTokens, type TokenFamily, userTokens, zoneTokens } from "./token-family.ts";

/** What issuing takes from outside. */
export interface TokenIssuer {
  readonly keys: SigningKeys;
  readonly now: () => number;
  /** A UUID for each token, to revoke it by. */
  readonly uuid: () => string;
}

/** Why no token was issued. `field` is set for a mistake in the request. */
export interface TokenIssueError {
  readonly code: "invalid-request" | "signing-key-not-found" | "signing-key-unusable";
  readonly field?: string;
  readonly message: string;
}

/** Ten years: how long dataplane and zone tokens live when the request does not say. */
export const defaultTokenLifetimeMs = 10 * 365 * 24 * 3600_000;

const backdatingSeconds = 5;

/** A request for a dataplane token. */
export interface DataplaneTokenRequest {
  readonly mesh: string;
  readonly name?: string;
  readonly tags?: Readonly<Record<string, readonly string[]>>;
  readonly type?: string;
  readonly workload?: string;
  readonly validForMs?: number;
}

/** Issues a token for one proxy, or for all proxies with certain tags, of a mesh. */
export async function issueDataplaneToken(
  issuer: TokenIssuer,
  request: DataplaneTokenRequest,
): Promise<Outcome<string, TokenIssueError>> {
  const { mesh, name = "", tags = {}, type = "", workload = "" } = request;
  if (mesh === "") return invalid("mesh", "cannot be empty");
  if (!["", "dataplane", "ingress", "egress"].includes(type)) {
    return invalid("type", "must be one of dataplane, ingress, egress, or left out");
  }
  const Tags = Object.fromEntries(Object.entries(tags).map(([tag, values]) => [tag, [...values]]));
  const claims: DataplaneClaims = { Name: name, Mesh: mesh, Tags, Type: type, Workload: workload };
  return issue(issuer, dataplaneTokens(mesh), claims, request.validForMs ?? defaultTokenLifetimeMs);
}

/** A request for a zone token. */
export interface ZoneTokenRequest {
  readonly zone?: string;
  readonly scope: readonly string[];
  readonly validForMs?: number;
}

/** Issues a token for the zone proxies, or the control plane, of a zone. */
export function issueZoneToken(
  issuer: TokenIssuer,
  { zone = "", scope, validForMs = defaultTokenLifetimeMs }: ZoneTokenRequest,
): Promise<Outcome<string, TokenIssueError>> {
  const claims: ZoneClaims = { Zone: zone, Scope: [...scope] };
  return issue(issuer, zoneTokens, claims, validForMs);
}

/** A request for a user token. */
export interface UserTokenRequest {
  readonly name: string;
  readonly groups?: readonly string[];
  readonly validForMs: number;
}

/** Issues a token for a user of the HTTP API. */
export async function issueUserToken(
  issuer: TokenIssuer,
  { name, groups = [], validForMs }: UserTokenRequest,
): Promise<Outcome<string, TokenIssueError>> {
  if (name === "") return invalid("name", "cannot be empty");
  const claims: UserClaims = { Name: name, Groups: [...groups] };
  return issue(issuer, userTokens, claims, validForMs);
}

/** What a token carries besides the claims of its kind. */
export interface TokenSignature {
  readonly privateKey: KeyObject;
  readonly kid: string;
  readonly jti: string;
  readonly now: number;
  readonly validForMs: number;
}

/** Signs a token with a key at hand: RS256, valid from five seconds ago. */
export function signToken(
  claims: Readonly<Record<string, unknown>>,
  signature: TokenSignature,
): Promise<string> {
  const now = Math.floor(signature.now / 1000);
  return new SignJWT({ ...claims })
    .setProtectedHeader({ alg: "RS256", kid: signature.kid, typ: "JWT" })
    .setJti(signature.jti)
    .setIssuedAt(now - backdatingSeconds)
    .setNotBefore(now - backdatingSeconds)
    .setExpirationTime(now + Math.floor(signature.validForMs / 1000))
    .sign(signature.privateKey);
}

async function issue(
  issuer: TokenIssuer,
  family: TokenFamily,
  claims: DataplaneClaims | ZoneClaims | UserClaims,
  validForMs: number,
): Promise<Outcome<string, TokenIssueError>> {
  if (!(validForMs > 0)) return invalid("validFor", "must be longer than 0s");
  const key = issuer.keys.newest(family);
  if (key === undefined) {
    const where = family.mesh === "" ? "" : ` in mesh "${family.mesh}"`;
    const message = `there is no ${family.type} "${family.signingPrefix}-<serial>"${where} to sign the token with`;
    return failure({ code: "signing-key-not-found", message });
  }
  if (!key.ok) return failure({ code: "signing-key-unusable", message: key.error });
  const { privateKey, kid } = key.value;
  return success(
    await signToken({ ...claims }, { privateKey, kid, jti: issuer.uuid(), now: issuer.now(), validForMs }),
  );
}

function invalid(field: string, message: string): Outcome<never, TokenIssueError> {
  return failure({ code: "invalid-request", field, message });
}
