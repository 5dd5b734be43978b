import { isRecord } from "../insights/fields.ts";

/** A step of a JSON Patch as the API has it: a value is replaced by testing, removing and adding. */
export interface JsonPatchItem {
  readonly op: "test" | "remove" | "add";
  readonly path: string;
  readonly value: unknown;
}

/**
 * The JSON Patch (RFC 6902) that makes one JSON value of another. Every value that goes is named by a `test` before its
 * `remove`, so that the patch can be read, and turned round.
 */
export function jsonPatch(before: unknown, after: unknown): readonly JsonPatchItem[] {
  return patched(before, after, "");
}

function patched(before: unknown, after: unknown, path: string): readonly JsonPatchItem[] {
  if (same(before, after)) return [];
  if (isRecord(before) && isRecord(after)) {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])].sort().flatMap((key) => {
      const at = `${path}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      if (!Object.hasOwn(after, key)) return removed(before[key], at);
      if (!Object.hasOwn(before, key)) return [{ op: "add", path: at, value: after[key] } as const];
      return patched(before[key], after[key], at);
    });
  }
  if (Array.isArray(before) && Array.isArray(after)) return patchedList(before, after, path);
  return [...removed(before, path), { op: "add", path, value: after }];
}

/** What is equal at both ends stays; between them items are compared by place, then removed or added. */
function patchedList(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
): readonly JsonPatchItem[] {
  const shorter = Math.min(before.length, after.length);
  let start = 0;
  while (start < shorter && same(before[start], after[start])) start += 1;
  let end = 0;
  while (end < shorter - start && same(before.at(-1 - end), after.at(-1 - end))) end += 1;
  const common = shorter - start - end;
  const at = (i: number): string => `${path}/${i}`;
  const pairs = Array.from({ length: common }, (_, i) => start + i);
  const gone = Array.from({ length: before.length - end - start - common }, (_, i) => start + common + i);
  const come = Array.from({ length: after.length - end - start - common }, (_, i) => start + common + i);
  return [
    ...pairs.flatMap((i) => patched(before[i], after[i], at(i))),
    ...gone.toReversed().flatMap((i) => removed(before[i], at(i))),
    ...come.map((i): JsonPatchItem => ({ op: "add", path: at(i), value: after[i] })),
  ];
}

function removed(value: unknown, path: string): readonly JsonPatchItem[] {
  return [
    { op: "test", path, value },
    { op: "remove", path, value },
  ];
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
