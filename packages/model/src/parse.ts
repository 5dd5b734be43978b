import type { KindDefinition } from "./kind.ts";
import { validateLabelSyntax } from "./labels.ts";
import { validateMeshReference, validateName } from "./names.ts";
import type { NewResource } from "./resource.ts";
import { dropNulls, type Shape, shapeOf, type UnknownField, unknownFields } from "./schema-shape.ts";
import { schemaViolations } from "./schema-violations.ts";
import { suggest } from "./suggest.ts";
import type { Violation } from "./violation.ts";

/** What to do about fields that a kind does not have; as kubectl's `--validate`. */
export type UnknownFieldPolicy = "strict" | "warn" | "ignore";

/** How to read a document. */
export interface ParseOptions {
  /** `strict` makes each unknown field a violation, `warn` a warning. */
  readonly unknownFields: UnknownFieldPolicy;
  /** The mesh of a mesh-scoped document that names none; without it such a document is refused. */
  readonly defaultMesh?: string;
}

/** A document read as a kind. There is a resource exactly when there are no violations. */
export interface ParseResult<Spec = unknown> {
  readonly resource: NewResource<Spec> | undefined;
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
  readonly unknownFields: readonly UnknownField[];
}

const META = ["type", "mesh", "name", "creationTime", "modificationTime", "labels", "kri", "snis", "status"];

/**
 * Reads the API's JSON form of a resource: checks it against the kind's schema, fills in defaults and drops what only
 * the server decides (times, KRI, SNIs, status). Never throws on any input.
 */
export function parseResource<Spec>(
  kind: KindDefinition<Spec>,
  json: unknown,
  options: ParseOptions,
): ParseResult<Spec> {
  if (!isObject(json)) {
    return failure([{ field: "", reason: `must be an object of type ${kind.type}` }], []);
  }
  const shape = shapeOf(kind.spec);
  const flat = kind.shape === "flat";
  const at = flat ? "" : "spec";
  const input = dropNulls(shape, flat ? flatFields(json) : json.spec);
  const unknown = options.unknownFields === "ignore" ? [] : findUnknown(kind, json, shape, input, at);
  const strict = options.unknownFields === "strict";
  const violations: Violation[] = [
    ...metaViolations(kind, json, options),
    ...(strict ? unknown.map((field) => ({ field: field.path, reason: unknownReason(field) })) : []),
  ];
  const warnings = strict ? [] : unknown.map((field) => `${field.path}: ${unknownReason(field)}`);

  if (!flat && (input === undefined || input === null)) {
    return failure(
      [...violations, { field: "spec", reason: ".spec in body is required" }],
      unknown,
      warnings,
    );
  }
  const parsed = kind.spec.safeParse(input);
  if (!parsed.success) {
    violations.push(...schemaViolations(parsed.error.issues, input, shape, at));
    return failure(violations, unknown, warnings);
  }
  const resource: NewResource<Spec> = {
    type: kind.type,
    mesh: kind.scope === "Mesh" ? (text(json.mesh) ?? options.defaultMesh ?? "") : "",
    name: text(json.name) ?? "",
    labels: stringLabels(json.labels),
    spec: parsed.data,
  };
  const seen = new Set(violations.map(({ field }) => field));
  violations.push(
    ...(kind.validate?.(resource) ?? []).filter(({ field }) => field !== "name" || !seen.has("name")),
  );
  if (violations.length > 0) return failure(violations, unknown, warnings);
  return {
    resource,
    violations: [],
    warnings: [...warnings, ...(kind.deprecations?.(resource) ?? [])],
    unknownFields: unknown,
  };
}

/** The sentence about an unknown field, without its path. */
export function unknownReason(field: UnknownField): string {
  return field.suggestion === undefined
    ? "unknown field"
    : `unknown field, did you mean \`${field.suggestion}\`?`;
}

function failure<Spec>(
  violations: readonly Violation[],
  unknown: readonly UnknownField[],
  warnings: readonly string[] = [],
): ParseResult<Spec> {
  return { resource: undefined, violations, warnings, unknownFields: unknown };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function flatFields(json: Record<string, unknown>): Record<string, unknown> {
  const fields: Record<string, unknown> = { ...json };
  for (const key of META) delete fields[key];
  return fields;
}

function metaViolations(
  kind: KindDefinition,
  json: Record<string, unknown>,
  options: ParseOptions,
): readonly Violation[] {
  const violations: Violation[] = [];
  if (json.type !== kind.type) {
    violations.push({ field: "type", reason: `type in body should be one of [${kind.type}]` });
  }
  const name = json.name ?? "";
  violations.push(
    ...(typeof name === "string" ? validateName(name) : [{ field: "name", reason: "must be a string" }]),
  );
  if (kind.scope === "Mesh") {
    const mesh = json.mesh ?? options.defaultMesh ?? "";
    violations.push(
      ...(typeof mesh === "string"
        ? validateMeshReference(mesh)
        : [{ field: "mesh", reason: "must be a string" }]),
    );
  }
  return [...violations, ...labelViolations(json.labels)];
}

function labelViolations(labels: unknown): readonly Violation[] {
  if (labels === undefined || labels === null) return [];
  if (!isObject(labels)) return [{ field: "labels", reason: "must be an object" }];
  const wrong = Object.entries(labels)
    .filter(([, value]) => typeof value !== "string")
    .map(([key, value]) => ({
      field: `labels[${JSON.stringify(key)}]`,
      reason: `must be a string${typeof value === "object" ? "" : "; put it in quotes"}`,
    }));
  return [...wrong, ...validateLabelSyntax(stringLabels(labels))];
}

function stringLabels(labels: unknown): Readonly<Record<string, string>> {
  if (!isObject(labels)) return {};
  return Object.fromEntries(
    Object.entries(labels).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

function findUnknown(
  kind: KindDefinition,
  json: Record<string, unknown>,
  shape: Shape,
  input: unknown,
  at: string,
): readonly UnknownField[] {
  const meta = kind.scope === "Mesh" ? META : META.filter((key) => key !== "mesh");
  if (kind.shape === "flat") {
    const stray: UnknownField[] = kind.scope === "Global" && "mesh" in json ? [{ path: "mesh" }] : [];
    const fields = unknownFields(shape, input, at).map((field) => metaSuggestion(field, meta, json));
    return [...stray, ...fields];
  }
  const specFields = shape.kind === "object" ? [...shape.fields.keys()] : [];
  const top = Object.keys(json)
    .filter((key) => key !== "spec" && !meta.includes(key))
    .map((key): UnknownField => {
      const missing = [...meta, "spec"].filter((name) => !(name in json));
      const suggestion = specFields.includes(key) ? `spec.${key}` : suggest(key, missing);
      return suggestion === undefined ? { path: key } : { path: key, suggestion };
    });
  return [...top, ...unknownFields(shape, input, at)];
}

function metaSuggestion(
  field: UnknownField,
  meta: readonly string[],
  json: Record<string, unknown>,
): UnknownField {
  if (field.suggestion !== undefined || !(field.path in json)) return field;
  const suggestion = suggest(
    field.path,
    meta.filter((name) => !(name in json)),
  );
  return suggestion === undefined ? field : { path: field.path, suggestion };
}
