import { dataplaneTokenSchema, userTokenSchema, zoneTokenSchema } from "../token-routes.ts";
import { problem, text } from "./parts.ts";
import type { Operation, Topic } from "./topic.ts";

const issue = (whose: string, noun: string): { readonly post: Operation } => ({
  post: {
    ...{ id: `issue${whose}Token`, tag: "Tokens" },
    summary: `Issue a token for ${noun}`,
    body: `${whose}TokenRequest`,
    answers: {
      200: text("The token."),
      400: problem("It is no request for a token (then there is no body), or a field of it is not valid."),
      403: problem("The caller may not issue such tokens."),
      404: problem("There is no signing key."),
      415: text("The body does not say that it is JSON."),
    },
  },
});

/** Credentials for proxies, zones and users. */
export const TOKENS: Topic = {
  paths: {
    "/tokens/dataplane": issue("Dataplane", "one proxy, or for all proxies of a mesh with certain tags"),
    "/tokens/zone": issue("Zone", "the proxies, or the control plane, of a zone"),
    "/tokens/user": issue("User", "a user of this API"),
  },
  schemas: {
    DataplaneTokenRequest: dataplaneTokenSchema,
    ZoneTokenRequest: zoneTokenSchema,
    UserTokenRequest: userTokenSchema,
  },
};
