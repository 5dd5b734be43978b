import type * as z from "zod";
import { suggest } from "./suggest.ts";

/** The skeleton of a schema: which fields there are where, without what may be in them. */
export type Shape =
  | { readonly kind: "object"; readonly fields: ReadonlyMap<string, Shape>; readonly open: boolean }
  | { readonly kind: "array"; readonly item: Shape }
  | { readonly kind: "map"; readonly value: Shape }
  | { readonly kind: "union"; readonly options: readonly Shape[] }
  | { readonly kind: "leaf" };

/** A field of a document that its schema does not have. */
export interface UnknownField {
  /** Path in the API's syntax. */
  readonly path: string;
  /** The field that the user probably meant. */
  readonly suggestion?: string;
}

const LEAF: Shape = { kind: "leaf" };
const shapes = new WeakMap<object, Shape>();

/** The shape of a schema, computed once per schema. */
export function shapeOf(schema: z.core.$ZodType): Shape {
  const known = shapes.get(schema);
  if (known !== undefined) return known;
  const shape = compile(schema);
  shapes.set(schema, shape);
  return shape;
}

function compile(schema: z.core.$ZodType): Shape {
  const def = (schema as z.core.$ZodTypes)._zod.def;
  switch (def.type) {
    case "object": {
      const catchall = (def.catchall as z.core.$ZodTypes | undefined)?._zod.def.type;
      const fields = new Map(Object.entries(def.shape).map(([name, field]) => [name, shapeOf(field)]));
      return { kind: "object", fields, open: catchall !== undefined && catchall !== "never" };
    }
    case "array":
      return { kind: "array", item: shapeOf(def.element) };
    case "record":
      return { kind: "map", value: shapeOf(def.valueType) };
    case "union":
      return unionOf(def.options.map(shapeOf));
    case "intersection":
      return merge(shapeOf(def.left), shapeOf(def.right));
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return shapeOf(def.innerType);
    case "pipe":
      return (def.in as z.core.$ZodTypes)._zod.def.type === "transform" ? shapeOf(def.out) : shapeOf(def.in);
    default:
      return LEAF;
  }
}

function unionOf(options: readonly Shape[]): Shape {
  const structured = options.filter((option) => option.kind !== "leaf");
  const [first] = structured;
  if (first === undefined) return LEAF;
  return structured.length === 1 ? first : { kind: "union", options: structured };
}

function merge(left: Shape, right: Shape): Shape {
  if (left.kind !== "object" || right.kind !== "object") return left.kind === "leaf" ? right : left;
  return {
    kind: "object",
    fields: new Map([...left.fields, ...right.fields]),
    open: left.open || right.open,
  };
}

/** The fields of a document that its schema would strip, in document order. `at` is the document's own path. */
export function unknownFields(shape: Shape, value: unknown, at: string): readonly UnknownField[] {
  const found: UnknownField[] = [];
  collect(shape, value, at, found);
  return found;
}

function collect(shape: Shape, value: unknown, at: string, found: UnknownField[]): void {
  if (typeof value !== "object" || value === null) return;
  switch (shape.kind) {
    case "leaf":
      return;
    case "array":
      if (Array.isArray(value)) {
        for (let i = 0; i < value.length; i++) collect(shape.item, value[i], `${at}[${i}]`, found);
      }
      return;
    case "map":
      if (shape.value.kind === "leaf" || Array.isArray(value)) return;
      for (const [key, item] of Object.entries(value)) {
        collect(shape.value, item, `${at}[${JSON.stringify(key)}]`, found);
      }
      return;
    case "union":
      found.push(...fewestUnknown(shape.options, value, at));
      return;
    case "object":
      if (Array.isArray(value)) return;
      for (const key of Object.keys(value)) {
        const field = shape.fields.get(key);
        if (field !== undefined) {
          if (field.kind !== "leaf") collect(field, Reflect.get(value, key), joinField(at, key), found);
        } else if (!shape.open) {
          found.push(unknownField(key, at, shape.fields.keys(), value));
        }
      }
  }
}

function fewestUnknown(options: readonly Shape[], value: object, at: string): readonly UnknownField[] {
  let best: readonly UnknownField[] | undefined;
  for (const option of options) {
    if ((option.kind === "array") !== Array.isArray(value)) continue;
    const found = unknownFields(option, value, at);
    if (best === undefined || found.length < best.length) best = found;
  }
  return best ?? [];
}

function unknownField(key: string, at: string, siblings: Iterable<string>, value: object): UnknownField {
  const free = [...siblings].filter((name) => !Object.hasOwn(value, name));
  const suggestion = suggest(key, free);
  const path = joinField(at, key);
  return suggestion === undefined ? { path } : { path, suggestion };
}

/**
 * The document without object fields whose value is `null`, which YAML's `to:` gives and which count as absent. Shares
 * what does not change; free-form parts, maps and list entries keep their nulls.
 */
export function dropNulls(shape: Shape, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (shape.kind === "array" && Array.isArray(value)) {
    let copy: unknown[] | undefined;
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      const kept = dropNulls(shape.item, item);
      if (kept !== item) {
        copy ??= [...value];
        copy[i] = kept;
      }
    }
    return copy ?? value;
  }
  if ((shape.kind !== "object" && shape.kind !== "map") || Array.isArray(value)) return value;
  let copy: Record<string, unknown> | undefined;
  for (const [key, item] of Object.entries(value)) {
    const inner = shape.kind === "map" ? shape.value : (shape.fields.get(key) ?? LEAF);
    const absent = item === null && shape.kind === "object" && (!shape.open || shape.fields.has(key));
    const kept = absent ? undefined : dropNulls(inner, item);
    if (kept === item) continue;
    copy ??= { ...value };
    if (kept === undefined) delete copy[key];
    else copy[key] = kept;
  }
  return copy ?? value;
}

/** A path in the API's syntax: `.field`, `[0]`, `["map/key"]`; the shape tells fields from map keys. */
export function formatPath(shape: Shape, segments: readonly PropertyKey[], at: string): string {
  let path = at;
  let here: Shape | undefined = shape;
  for (const segment of segments) {
    if (typeof segment === "number") path += `[${segment}]`;
    else if (here?.kind === "map") path += `[${JSON.stringify(String(segment))}]`;
    else path = joinField(path, String(segment));
    here = step(here, segment);
  }
  return path;
}

function step(shape: Shape | undefined, segment: PropertyKey): Shape | undefined {
  switch (shape?.kind) {
    case "object":
      return shape.fields.get(String(segment));
    case "array":
      return shape.item;
    case "map":
      return shape.value;
    case "union":
      return shape.options.map((option) => step(option, segment)).find((next) => next !== undefined);
    default:
      return undefined;
  }
}

function joinField(at: string, key: string): string {
  if (!/^[A-Za-z_$][A-Za-z0-9_$-]*$/.test(key)) return `${at}[${JSON.stringify(key)}]`;
  return at === "" ? key : `${at}.${key}`;
}
