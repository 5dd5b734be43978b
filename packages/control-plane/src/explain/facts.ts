import type { Merged, Origin } from "@skein/policies";
import type { Fact } from "./explanation.ts";

/** Every field of a merged configuration with its origin, by path. */
export function factsOf(merged: Merged<unknown> | undefined, prefix = ""): readonly Fact[] {
  if (merged === undefined) return [];
  return leaves(merged.conf, "").map(([path, value]) => ({
    name: `${prefix}${path}`,
    value,
    ...originAt(merged.origins, path),
  }));
}

/** The field of a merged configuration, or the built-in value where no policy sets it. */
export function factOr(merged: Merged<unknown> | undefined, path: string, builtIn: string): Fact {
  const found = factsOf(merged).find(({ name }) => name === path);
  return found ?? { name: path, value: builtIn };
}

/** A fact that no policy is behind. */
export function plainFact(name: string, value: string): Fact {
  return { name, value };
}

function originAt(origins: Readonly<Record<string, Origin>>, path: string): { readonly origin?: Origin } {
  for (let at = path; at !== ""; at = at.slice(0, Math.max(at.lastIndexOf("."), at.lastIndexOf("["), 0))) {
    const origin = origins[at];
    if (origin !== undefined) return { origin };
  }
  return {};
}

function leaves(value: unknown, path: string): readonly (readonly [string, string])[] {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return Object.entries(value).flatMap(([key, inner]) =>
      inner === undefined ? [] : leaves(inner, path === "" ? key : `${path}.${key}`),
    );
  }
  return [[path, typeof value === "string" ? value : JSON.stringify(value)]];
}
