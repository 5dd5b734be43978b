import { failure, type Outcome, success } from "../identity/outcome.ts";
import { createSecrets, globalSecretKey, type Secrets } from "../identity/secrets.ts";
import { defaultTokenLifetimeMs, issueUserToken, type TokenIssuer } from "./issue.ts";
import { userTokens } from "./token-family.ts";
import { adminName } from "./user.ts";

/** The secret in which the first admin finds their token. */
export const adminTokenKey = globalSecretKey("admin-user-token");

/**
 * Makes the admin's user token where there is none, and the signing key before it. It is stored in clear, whatever the
 * cipher: it is there to be read by whoever sits at the control plane. The error is a sentence.
 * @throws StoreError when the store cannot be written
 */
export async function ensureAdminToken(
  secrets: Secrets,
  issuer: TokenIssuer,
): Promise<Outcome<void, string>> {
  await issuer.keys.ensure(userTokens);
  if (secrets.store.get(adminTokenKey) !== undefined) return success(undefined);
  const token = await issueUserToken(issuer, {
    name: adminName,
    groups: [adminName],
    validForMs: defaultTokenLifetimeMs,
  });
  if (!token.ok) return failure(token.error.message);
  const data = Buffer.from(token.value).toString("base64");
  await createSecrets(secrets.store, [{ ...adminTokenKey, labels: {}, spec: { data } }]);
  return success(undefined);
}
