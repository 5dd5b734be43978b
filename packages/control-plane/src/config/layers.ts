import { isGroup } from "./config-file.ts";

/** The document with `value` at `path`. A value that is in the way of the path stays: the schema will refuse it. */
export function withValue(
  content: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Readonly<Record<string, unknown>> {
  const [key, ...rest] = path;
  if (key === undefined) return content;
  if (rest.length === 0) return { ...content, [key]: value };
  const child = content[key] ?? {};
  return isGroup(child) ? { ...content, [key]: withValue(child, rest, value) } : content;
}

/** The value at `path`, if there is one. */
export function valueAt(content: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isGroup(value) ? value[key] : undefined), content);
}
