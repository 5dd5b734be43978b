import type { SettingKind } from "./settings.ts";

/** A value read from one text, nothing where an empty text leaves the setting alone, or what is wrong with it. */
export type ReadText = { readonly value: unknown } | { readonly reason: string } | undefined;

/** Reads a setting from an environment variable or a flag: lists are `a,b`, maps `k:v,k2:v2`. */
export function readText(kind: SettingKind, text: string): ReadText {
  const trimmed = text.trim();
  switch (kind) {
    case "text":
      return { value: text };
    case "list":
      return { value: parts(trimmed) };
    case "map":
      return readMap(trimmed);
    case "flag":
      return trimmed === "" ? undefined : readFlag(trimmed);
    case "number":
      if (trimmed === "") return undefined;
      return /^-?[0-9]+$/.test(trimmed)
        ? { value: Number(trimmed) }
        : { reason: `must be a whole number, not ${text}` };
    case "document":
      return { reason: "is a list of documents, and can only be set in the configuration file" };
  }
}

/** The words that Go's `strconv.ParseBool` takes: deployments of the published control plane use all of them. */
function readFlag(text: string): ReadText {
  if (/^(1|t|true)$/i.test(text)) return { value: true };
  if (/^(0|f|false)$/i.test(text)) return { value: false };
  return { reason: `must be true or false, not ${text}` };
}

function readMap(text: string): ReadText {
  const pairs = parts(text).map((part) => part.split(/:(.*)/s, 2));
  const broken = pairs.find((pair) => pair.length < 2);
  if (broken) return { reason: `must be pairs such as key:value,key2:value2, not ${broken[0]}` };
  return { value: Object.fromEntries(pairs) };
}

function parts(text: string): readonly string[] {
  return text === "" ? [] : text.split(",").map((part) => part.trim());
}
