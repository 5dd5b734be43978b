import { isObject } from "../is-object.ts";
import type { Merged, Origin } from "../plan/origin.ts";

/** One configuration with the rule it stands in. */
export interface Contribution {
  readonly conf: unknown;
  readonly origin: Origin;
}

/**
 * Merges configurations from lowest to highest precedence as RFC 7396 merge patches: objects merge per field, anything
 * else replaces. Lists replace whole, except those whose name starts with `append`, which concatenate. Each field keeps
 * the origin of the value that won.
 */
export function merge<Conf>(contributions: readonly Contribution[]): Merged<Conf> | undefined {
  if (contributions.length === 0) return undefined;
  const origins: Record<string, Origin> = {};
  let conf: unknown;
  for (const { conf: patch, origin } of contributions) conf = apply(conf, patch, origin, "", "", origins);
  return { conf: conf as Conf, origins };
}

function apply(
  base: unknown,
  patch: unknown,
  origin: Origin,
  path: string,
  key: string,
  origins: Record<string, Origin>,
): unknown {
  if (isObject(patch)) {
    if (!isObject(base)) forget(base, path, origins);
    const merged: Record<string, unknown> = isObject(base) ? { ...base } : {};
    let isEmpty = true;
    for (const name of Object.keys(patch)) {
      const value = patch[name];
      if (value === undefined) continue;
      isEmpty = false;
      const inner = path === "" ? name : `${path}.${name}`;
      merged[name] = apply(merged[name], value, origin, inner, name, origins);
    }
    if (isEmpty && path !== "" && Object.keys(merged).length === 0) origins[path] = origin;
    return merged;
  }
  const appends = key.startsWith("append");
  if (appends && Array.isArray(patch) && Array.isArray(base)) {
    patch.forEach((_, i) => {
      origins[`${path}[${base.length + i}]`] = origin;
    });
    return [...base, ...patch];
  }
  // A value without parts has one origin, which is overwritten: objects whose fields are deleted weigh several times as much.
  if (appends || isObject(base)) forget(base, path, origins);
  if (appends && Array.isArray(patch)) {
    patch.forEach((_, i) => {
      origins[`${path}[${i}]`] = origin;
    });
  } else {
    origins[path] = origin;
  }
  return patch;
}

/** Nothing is known of the origins of what was not there. */
function forget(base: unknown, path: string, origins: Record<string, Origin>): void {
  if (base === undefined) return;
  for (const known of Object.keys(origins)) {
    if (known === path || known.startsWith(`${path}.`) || known.startsWith(`${path}[`)) delete origins[known];
  }
}
