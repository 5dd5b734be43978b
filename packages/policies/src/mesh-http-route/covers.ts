import type { HeaderMatch } from "../header-match.ts";
import type { HttpMatch } from "./conf.ts";

/**
 * Whether a match surely takes every request that another one takes. Only what is clear is said: of expressions nothing
 * but that equal ones are equal, so `false` means that it is not known.
 */
export function covers(broad: HttpMatch, narrow: HttpMatch): boolean {
  return (
    coversPath(broad.path, narrow.path) &&
    (broad.method === undefined || broad.method === narrow.method) &&
    allOf(effective(broad.headers), effective(narrow.headers)) &&
    allOf(broad.queryParams ?? [], narrow.queryParams ?? [])
  );
}

function coversPath(broad: HttpMatch["path"], narrow: HttpMatch["path"]): boolean {
  if (broad === undefined || (broad.type === "PathPrefix" && broad.value === "/")) return true;
  if (narrow === undefined) return false;
  if (broad.type === narrow.type && broad.value === narrow.value) return true;
  if (broad.type !== "PathPrefix" || narrow.type === "RegularExpression") return false;
  return narrow.value === broad.value || narrow.value.startsWith(`${broad.value}/`);
}

/** Of conditions on one header the first counts. */
function effective(headers: readonly HeaderMatch[] = []): readonly HeaderMatch[] {
  return headers.filter(({ name }, i) => headers.findIndex((other) => other.name === name) === i);
}

/** Whether each of the conditions is among the others too. */
function allOf<
  T extends {
    readonly name: string;
    readonly type?: string | undefined;
    readonly value?: string | undefined;
  },
>(broad: readonly T[], narrow: readonly T[]): boolean {
  const key = ({ name, type = "Exact", value }: T): string => JSON.stringify([name, type, value]);
  const known = new Set(narrow.map(key));
  return broad.every((condition) => known.has(key(condition)));
}
