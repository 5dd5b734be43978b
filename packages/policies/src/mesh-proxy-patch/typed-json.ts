import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type Registry,
  ScalarType,
} from "@bufbuild/protobuf";
import { suggest } from "@skein/model";
import { isObject } from "../is-object.ts";
import { type FilterPlace, misplacedType } from "./filter-places.ts";

/** A mistake in the JSON form of a message. */
export interface TypedProblem {
  /** Keys and indexes from the message on; empty for the message itself. */
  readonly path: readonly (string | number)[];
  readonly reason: string;
}

/** Which filters the `typed_config` of a message must be. */
const FILTERS: Readonly<Record<string, FilterPlace>> = {
  "envoy.config.listener.v3.Filter": "network",
  "envoy.config.listener.v3.ListenerFilter": "listener",
  "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter": "http",
};

/**
 * Everything that is wrong with the JSON form of a message: unknown fields and types with what was probably meant,
 * values of another type, filters in the wrong place. Empty exactly when the message can be read.
 */
export function checkMessage(types: Registry, message: DescMessage, json: unknown): readonly TypedProblem[] {
  const problems: TypedProblem[] = [];
  walkMessage({ types, problems }, message, json, []);
  if (problems.length === 0) problems.push(...readable(types, message, json, []));
  return problems;
}

/** The same for the value of one field. */
export function checkField(types: Registry, field: DescField, json: unknown): readonly TypedProblem[] {
  const problems: TypedProblem[] = [];
  walkField({ types, problems }, field, json, []);
  return problems;
}

/** The field that a key of a message's JSON form means, written as in JSON or as in protobuf. */
export function fieldOf(message: DescMessage, key: string): DescField | undefined {
  return message.fields.find(({ jsonName, name }) => jsonName === key || name === key);
}

/** The sentence about a key that is no field of a message. */
export function unknownField(message: DescMessage, key: string): string {
  const meant = suggest(
    key,
    message.fields.map(({ jsonName }) => jsonName),
  );
  const hint = meant === undefined ? "" : `, did you mean \`${meant}\`?`;
  return `unknown field of ${message.typeName}${hint}`;
}

/** Messages whose JSON form is not an object with their fields. */
export function hasOwnJson({ typeName }: DescMessage): boolean {
  return typeName.startsWith("google.protobuf.") && typeName !== "google.protobuf.Empty";
}

interface Walk {
  readonly types: Registry;
  readonly problems: TypedProblem[];
}

type Path = TypedProblem["path"];

function walkMessage(walk: Walk, message: DescMessage, json: unknown, path: Path): void {
  if (message.typeName === "google.protobuf.Any") {
    walkAny(walk, json, path);
    return;
  }
  if (hasOwnJson(message)) {
    walk.problems.push(...readable(walk.types, message, json, path));
    return;
  }
  if (!isObject(json)) {
    walk.problems.push({ path, reason: `must be an object (${message.typeName}), not ${kindOf(json)}` });
    return;
  }
  const oneofs = new Map<string, string>();
  for (const [key, value] of Object.entries(json)) {
    if (value === null) continue;
    const field = fieldOf(message, key);
    if (field === undefined) {
      walk.problems.push({ path: [...path, key], reason: unknownField(message, key) });
      continue;
    }
    const group = field.oneof?.name;
    const other = group === undefined ? undefined : oneofs.get(group);
    if (other !== undefined) {
      walk.problems.push({ path: [...path, key], reason: `cannot be set together with ${other}` });
    }
    if (group !== undefined) oneofs.set(group, key);
    walkField(walk, field, value, [...path, key]);
  }
  const place = FILTERS[message.typeName];
  const typeName = typeNameOf(json.typedConfig ?? json.typed_config);
  const misplaced =
    place === undefined || typeName === undefined ? undefined : misplacedType(place, typeName);
  if (misplaced !== undefined) walk.problems.push({ path: [...path, "typedConfig"], reason: misplaced });
}

function walkField(walk: Walk, field: DescField, json: unknown, path: Path): void {
  switch (field.fieldKind) {
    case "list":
      if (!Array.isArray(json)) {
        walk.problems.push({ path, reason: `must be a list, not ${kindOf(json)}` });
        return;
      }
      for (const [i, item] of json.entries()) walkItem(walk, field, item, [...path, i]);
      return;
    case "map":
      if (!isObject(json)) {
        walk.problems.push({ path, reason: `must be an object, not ${kindOf(json)}` });
        return;
      }
      for (const [key, item] of Object.entries(json)) walkItem(walk, field, item, [...path, key]);
      return;
    default:
      walkItem(walk, field, json, path);
  }
}

/** One value of a field: the field's own, an entry of its list or a value of its map. */
function walkItem(walk: Walk, field: DescField, json: unknown, path: Path): void {
  if (field.message !== undefined) {
    walkMessage(walk, field.message, json, path);
    return;
  }
  if (field.enum !== undefined) {
    const names = field.enum.values.map(({ name }) => name);
    if (typeof json === "number" || (typeof json === "string" && names.includes(json))) return;
    const meant = typeof json === "string" ? suggest(json, names) : undefined;
    const hint = meant === undefined ? ` one of ${names.join(", ")}` : ` \`${meant}\`, perhaps`;
    walk.problems.push({ path, reason: `must be${hint}; ${JSON.stringify(json)} is not known` });
    return;
  }
  const wanted = field.scalar === undefined ? undefined : mismatch(field.scalar, json);
  if (wanted !== undefined) walk.problems.push({ path, reason: `must be ${wanted}, not ${kindOf(json)}` });
}

/** What a scalar has to be, where a value is not. */
function mismatch(scalar: ScalarType, json: unknown): string | undefined {
  switch (scalar) {
    case ScalarType.STRING:
      return typeof json === "string" ? undefined : "a string";
    case ScalarType.BYTES:
      return typeof json === "string" ? undefined : "a base64 string";
    case ScalarType.BOOL:
      return typeof json === "boolean" ? undefined : "true or false";
    case ScalarType.FLOAT:
    case ScalarType.DOUBLE:
      return typeof json === "number" || isNumeric(json) ? undefined : "a number";
    default:
      return Number.isInteger(json) || isNumeric(json) ? undefined : "a whole number";
  }
}

function walkAny(walk: Walk, json: unknown, path: Path): void {
  if (!isObject(json)) {
    walk.problems.push({ path, reason: `must be an object with an "@type", not ${kindOf(json)}` });
    return;
  }
  const { "@type": url, ...fields } = json;
  if (typeof url !== "string") {
    const reason =
      'must have an "@type" such as type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua';
    walk.problems.push({ path, reason });
    return;
  }
  const typeName = url.slice(url.lastIndexOf("/") + 1);
  const message = walk.types.getMessage(typeName);
  if (message === undefined) {
    walk.problems.push({ path: [...path, "@type"], reason: unknownType(walk.types, typeName) });
  } else if (!url.includes("/")) {
    walk.problems.push({ path: [...path, "@type"], reason: `must be type.googleapis.com/${url}` });
  } else if (!hasOwnJson(message)) walkMessage(walk, message, fields, path);
}

function unknownType(types: Registry, typeName: string): string {
  const names = [...types].flatMap((type) => (type.kind === "message" ? [type.typeName] : []));
  const last = typeName.slice(typeName.lastIndexOf(".") + 1);
  const meant =
    suggest(typeName, names) ??
    names.find((name) => name.startsWith("envoy.extensions.") && name.endsWith(`.${last}`));
  const hint = meant === undefined ? "" : `, did you mean \`type.googleapis.com/${meant}\`?`;
  return `Envoy has no type ${typeName}${hint}`;
}

function readable(types: Registry, message: DescMessage, json: unknown, path: Path): readonly TypedProblem[] {
  try {
    fromJson(message, json as JsonValue, { registry: types });
    return [];
  } catch (error) {
    if (message.typeName === "google.protobuf.Duration") {
      return [{ path, reason: `must be seconds such as 1.5s, not ${kindOf(json)}` }];
    }
    const reason = error instanceof Error ? error.message : String(error);
    return [{ path, reason: reason.replace(/^cannot decode (message|field) \S+ from JSON: /, "") }];
  }
}

function typeNameOf(any: unknown): string | undefined {
  const url = isObject(any) ? any["@type"] : undefined;
  return typeof url === "string" ? url.slice(url.lastIndexOf("/") + 1) : undefined;
}

function isNumeric(json: unknown): boolean {
  return typeof json === "string" && json.trim() !== "" && !Number.isNaN(Number(json));
}

function kindOf(json: unknown): string {
  if (json === null) return "null";
  if (Array.isArray(json)) return "a list";
  return typeof json === "object" ? "an object" : JSON.stringify(json);
}
