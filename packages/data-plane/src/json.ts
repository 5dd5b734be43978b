/** A JSON or YAML object whose fields are not known yet. */
export type Json = Record<string, unknown>;

/** Whether a value is an object: neither a list nor null. */
export function isRecord(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The object, or an empty one in place of anything else. */
export function record(value: unknown): Json {
  return isRecord(value) ? value : {};
}

/** The objects of a list; none where it is no list. */
export function records(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
