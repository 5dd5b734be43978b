import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { UserClaims } from "./claims.ts";
import { isLocalRequest, type RequestOrigin } from "./localhost-admin.ts";
import { adminUser, anonymousUser, authenticatedGroup, type User } from "./user.ts";
import type { TokenError } from "./validate.ts";

/** A request to the HTTP API, as far as it tells who sent it. */
export interface ApiRequest extends RequestOrigin {
  readonly method: string;
  /** The request URI after the configured base path. */
  readonly url: string;
  /** The TLS layer verified the client's certificate against the configured CAs. */
  readonly hasVerifiedClientCert: boolean;
}

/** `apiServer.authn` of the configuration. */
export interface AuthnConfig {
  readonly localhostIsAdmin: boolean;
  readonly type: "tokens" | "adminClientCerts";
}

/**
 * Who sent a request: the local admin, then the bearer of a token or client certificate, then nobody in particular,
 * which is no error. Only a bearer token that is not accepted fails, with 401: the error is a sentence.
 */
export async function authenticate(
  request: ApiRequest,
  config: AuthnConfig,
  validateUserToken: (token: string) => Promise<Outcome<UserClaims, TokenError>>,
): Promise<Outcome<User, string>> {
  if (needsNoUser(request)) return success(anonymousUser);
  if (config.localhostIsAdmin && isLocalRequest(request)) return success(adminUser);
  if (config.type === "adminClientCerts") {
    return success(request.encrypted && request.hasVerifiedClientCert ? adminUser : anonymousUser);
  }
  const token = bearerToken(request);
  if (token === undefined) return success(anonymousUser);
  const claims = await validateUserToken(token);
  if (!claims.ok) return failure(claims.error.message);
  return success({ name: claims.value.Name, groups: [...claims.value.Groups, authenticatedGroup] });
}

function needsNoUser({ method, url }: ApiRequest): boolean {
  return url.startsWith("/gui") || (method === "GET" && /^\/?(\?|$)/.test(url));
}

function bearerToken({ headers }: ApiRequest): string | undefined {
  const { authorization } = headers;
  if (typeof authorization !== "string") return undefined;
  return /^Bearer +(.*?) *$/i.exec(authorization)?.[1];
}
