import type { Verdict } from "@skein/policies";
import type { AccessEntry } from "../api/ports.ts";

/** What is said of one pair. */
export type Judgement = Pick<AccessEntry, "verdict" | "policy" | "reason">;

/** The decision of a permission, in words. */
export function told({ allowed, origin }: Verdict): Judgement {
  const policy = origin?.policy ?? null;
  if (allowed) return { verdict: "allow", policy, reason: `allowed by ${origin?.rule ?? ""}` };
  return policy === null
    ? { verdict: "deny", policy, reason: "no MeshTrafficPermission allows it" }
    : { verdict: "deny", policy, reason: `denied by ${origin?.rule ?? ""}` };
}
