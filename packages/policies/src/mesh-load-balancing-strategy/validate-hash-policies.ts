import type { Violation } from "@skein/model";
import { nonNegativeDuration } from "../engine/checks.ts";
import { isHeaderName } from "../header-name.ts";
import type { HashPolicyConf } from "./conf.ts";

/** The field that holds what a type needs to know. */
const PART_OF: Readonly<Record<HashPolicyConf["type"], keyof HashPolicyConf>> = {
  Header: "header",
  Cookie: "cookie",
  Connection: "connection",
  SourceIP: "connection",
  QueryParameter: "queryParameter",
  FilterState: "filterState",
};

/** Violations of a list of hash policies. */
export function validateHashPolicies(
  policies: readonly HashPolicyConf[] | undefined,
  path: string,
): readonly Violation[] {
  return (policies ?? []).flatMap((policy, i) => {
    const part = PART_OF[policy.type];
    if (policy[part] === undefined) return [{ field: `${path}[${i}].${part}`, reason: "must be defined" }];
    return policy.type === "Cookie" ? validateCookie(policy.cookie, `${path}[${i}].cookie`) : [];
  });
}

/** A proxy writes it into an answer, where these characters would end it or mean something else (RFC 6265). */
function validateCookie(cookie: HashPolicyConf["cookie"], at: string): readonly Violation[] {
  const { name = "", ttl, path = "/" } = cookie ?? {};
  return [
    ...(isHeaderName(name) ? [] : [{ field: `${at}.name`, reason: "must be the name of a cookie" }]),
    ...nonNegativeDuration(ttl, `${at}.ttl`),
    ...(path.startsWith("/") ? [] : [{ field: `${at}.path`, reason: "must be an absolute path" }]),
    ...(/[\p{Cc};]/u.test(path)
      ? [{ field: `${at}.path`, reason: "must not contain ; or control characters" }]
      : []),
  ];
}
