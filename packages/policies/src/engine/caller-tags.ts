import { quotedText } from "../re2/quoted.ts";
import type { TargetRef } from "./policy-resource.ts";

/** Tells the callee the tags of a caller. The caller's proxy sets it, the callee's takes it away. */
export const CALLER_TAGS_HEADER = "x-kuma-tags";

type Tags = Readonly<Record<string, string>>;

/** The tags of a proxy's inbounds as the header has them; `undefined` where there are none. */
export function callerTagsHeader(inbounds: readonly Tags[]): string | undefined {
  const values = new Map<string, Set<string>>();
  for (const [key, value] of inbounds.flatMap((tags) => Object.entries(tags))) {
    values.set(key, (values.get(key) ?? new Set()).add(value));
  }
  if (values.size === 0) return undefined;
  return [...values.keys()]
    .sort()
    .map((key) => `&${key}=${[...(values.get(key) ?? [])].sort().join(",")}&`)
    .join("");
}

/** A regular expression for the header of all callers that a reference is about; `undefined` where that is everybody. */
export function callerTagsRegex(target: TargetRef): string | undefined {
  const tags = targetTags(target);
  const keys = Object.keys(tags).sort();
  if (keys.length === 0) return undefined;
  return `.*${keys.map((key) => `&${quotedText(key)}=${anyOfValues(tags[key] ?? "")}&.*`).join("")}`;
}

function targetTags({ kind, name, tags }: TargetRef): Tags {
  const isService = kind === "MeshService" || kind === "MeshServiceSubset";
  return { ...tags, ...(isService && name !== undefined ? { "kuma.io/service": name } : {}) };
}

function anyOfValues(value: string): string {
  return value === "*" ? "[^&]*" : `([^&]*,)?${quotedText(value)}(,[^&]*)?`;
}
