import { randomUUID } from "node:crypto";
import type { DrainOptions } from "../pipeline/drains.ts";
import { authenticatedProxy } from "../pipeline/registration.ts";
import { checkDataplaneToken } from "../tokens/dataplane-auth.ts";
import type { TokenIssuer } from "../tokens/issue.ts";
import { createSigningKeys } from "../tokens/signing-keys.ts";
import { createTokenValidator, type TokenValidator } from "../tokens/validate.ts";
import { keySources } from "./configured.ts";
import type { Foundation } from "./foundation.ts";

/** Who issues tokens, and who judges them. */
export interface Tokens {
  readonly issuer: TokenIssuer;
  readonly validator: TokenValidator;
  /** Proxies are let in with a token only. */
  readonly needsToken: boolean;
  /** Whether who shows a token may speak for a Dataplane. */
  readonly authorize: DrainOptions["authorize"];
}

/** Reads the keys of tokens. @throws StartError naming the entry */
export async function makeTokens({ config, store, cipher, labels, now }: Foundation): Promise<Tokens> {
  const secrets = { store, cipher };
  const issuer: TokenIssuer = { keys: createSigningKeys(secrets), now, uuid: randomUUID };
  const validator = createTokenValidator({
    secrets,
    keys: issuer.keys,
    now,
    sources: {
      dataplane: await keySources(config.dpServer.authn.dpProxy.dpToken.validator),
      zone: await keySources(config.dpServer.authn.zoneProxy.zoneToken.validator),
      user: await keySources(config.apiServer.authn.tokens.validator),
    },
  });
  const needsToken = config.dpServer.authn.dpProxy.type === "dpToken";
  return {
    ...{ issuer, validator, needsToken },
    authorize: async (token, dataplane) => {
      if (!needsToken) return { ok: true };
      const claims = await validator.dataplane(token ?? "", dataplane.mesh);
      if (!claims.ok) return { ok: false, error: claims.error.message };
      return checkDataplaneToken(claims.value, authenticatedProxy(store, dataplane, labels));
    },
  };
}
