import { isObject } from "../is-object.ts";
import type { JsonPatchStep } from "./conf.ts";

/** A step that cannot be done on this document. */
export class JsonPatchError extends Error {
  override readonly name = "JsonPatchError";
}

/** The keys of a JSON pointer (RFC 6901). */
export function parsePointer(pointer: string): readonly string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/**
 * The document with the steps done, as Kuma does them: RFC 6902 with indexes that count from the end when negative, a
 * `remove` of what is not there that does nothing, and an `add` that makes the parents it needs.
 * @throws JsonPatchError
 */
export function applyJsonPatch(document: unknown, steps: readonly JsonPatchStep[]): unknown {
  return steps.reduce(applyStep, structuredClone(document));
}

function applyStep(document: unknown, step: JsonPatchStep): unknown {
  const path = parsePointer(step.path);
  switch (step.op) {
    case "add":
      return put(document, path, structuredClone(step.value), step);
    case "replace":
      if (find(document, path) === undefined) {
        throw new JsonPatchError(`replace ${step.path}: there is nothing at this path; "add" would make it`);
      }
      return put(document, path, structuredClone(step.value), step);
    case "remove":
      return take(document, path);
    case "move":
    case "copy": {
      const from = parsePointer(step.from ?? "");
      const value = find(document, from);
      if (value === undefined)
        throw new JsonPatchError(`${step.op} ${step.from}: there is nothing at this path`);
      const rest = step.op === "move" ? take(document, from) : document;
      return put(rest, path, structuredClone(value), step);
    }
  }
}

function find(document: unknown, path: readonly string[]): unknown {
  let here = document;
  for (const key of path) {
    if (Array.isArray(here)) here = here[indexOf(here, key) ?? here.length];
    else if (isObject(here) && Object.hasOwn(here, key)) here = here[key];
    else return undefined;
  }
  return here;
}

function take(document: unknown, path: readonly string[]): unknown {
  const last = path.at(-1);
  const parent = find(document, path.slice(0, -1));
  if (last === undefined) return document;
  if (Array.isArray(parent)) {
    const index = indexOf(parent, last);
    if (index !== undefined && index < parent.length) parent.splice(index, 1);
  } else if (isObject(parent)) delete parent[last];
  return document;
}

function put(document: unknown, path: readonly string[], value: unknown, step: JsonPatchStep): unknown {
  const last = path.at(-1);
  if (last === undefined) return value;
  let here = document;
  for (const [i, key] of path.slice(0, -1).entries()) here = childOf(here, key, path[i + 1] ?? "", step);
  if (Array.isArray(here)) {
    const index = last === "-" ? here.length : indexOf(here, last, step.op === "replace" ? 0 : 1);
    if (index === undefined || index > here.length) {
      throw new JsonPatchError(`${step.op} ${step.path}: the list has ${here.length} entries`);
    }
    here.splice(index, step.op === "replace" ? 1 : 0, value);
  } else if (isObject(here)) here[last] = value;
  else throw new JsonPatchError(`${step.op} ${step.path}: its parent is neither an object nor a list`);
  return document;
}

function childOf(here: unknown, key: string, next: string, step: JsonPatchStep): unknown {
  const found = find(here, [key]);
  if (found !== undefined) return found;
  if (step.op !== "add") throw new JsonPatchError(`${step.op} ${step.path}: there is nothing at /${key}`);
  const made: unknown = /^(-|\d+)$/.test(next) ? [] : {};
  return find(put(here, [key], made, step), [
    key === "-" && Array.isArray(here) ? String(here.length - 1) : key,
  ]);
}

/** The index that a key means; negative ones count from the end, where `room` is 1 from behind it. */
function indexOf(list: readonly unknown[], key: string, room = 0): number | undefined {
  if (!/^-?\d+$/.test(key)) return undefined;
  const index = Number(key);
  const counted = index < 0 ? list.length + room + index : index;
  return counted < 0 ? undefined : counted;
}
