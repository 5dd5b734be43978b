import type { Resource } from "@skein/model/resource";
import { openSecret, type Secrets } from "../identity/secrets.ts";
import type { TokenFamily } from "./token-family.ts";

/** Tells revoked tokens by their id. */
export interface Revocations {
  /** Whether a list names the token, or, because a list that cannot be read may name it, why it has to count as revoked. */
  check(family: TokenFamily, jti: string): { readonly revoked: boolean; readonly reason: string };
}

/** The revocation lists of a store: token ids separated by commas. Parsed once for each change of a list. */
export function createRevocations({ store, cipher }: Secrets): Revocations {
  const parsed = new WeakMap<Resource, ReadonlySet<string> | string>();

  function listOf(secret: Resource): ReadonlySet<string> | string {
    const known = parsed.get(secret);
    if (known !== undefined) return known;
    const bytes = openSecret(cipher, secret);
    const list = bytes.ok ? parseList(Buffer.from(bytes.value).toString("utf8")) : bytes.error;
    parsed.set(secret, list);
    return list;
  }

  return {
    check(family, jti) {
      for (const key of family.revocations) {
        const secret = store.get(key);
        if (secret === undefined) continue;
        const list = listOf(secret);
        if (typeof list === "string") return { revoked: true, reason: list };
        if (list.has(jti))
          return { revoked: true, reason: `the token is revoked in ${key.type} "${key.name}"` };
      }
      return { revoked: false, reason: "" };
    },
  };
}

function parseList(text: string): ReadonlySet<string> {
  return new Set(
    text
      .split(",")
      .map((id) => id.trim())
      .filter((id) => id !== ""),
  );
}
