import type { Violation } from "@skein/model";
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
    const cookiePath = policy.type === "Cookie" ? policy.cookie?.path : undefined;
    return cookiePath === undefined || cookiePath.startsWith("/")
      ? []
      : [{ field: `${path}[${i}].cookie.path`, reason: "must be an absolute path" }];
  });
}
