/** Readers for documents whose schema somebody else owns: what is not of the wanted shape counts as absent. */

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The objects of a list. */
export function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** The text values of an object. */
export function stringRecord(value: unknown): Readonly<Record<string, string>> {
  if (!isRecord(value)) return {};
  const texts: Record<string, string> = {};
  for (const [key, each] of Object.entries(value)) if (typeof each === "string") texts[key] = each;
  return texts;
}

/** The object under `key`, or an empty one. */
export function child(value: unknown, key: string): Readonly<Record<string, unknown>> {
  const under = isRecord(value) ? value[key] : undefined;
  return isRecord(under) ? under : {};
}

/** The text under `key`, or an empty one. */
export function text(value: unknown, key: string): string {
  const under = isRecord(value) ? value[key] : undefined;
  return typeof under === "string" ? under : "";
}
