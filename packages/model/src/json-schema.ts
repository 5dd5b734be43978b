import * as z from "zod";
import type { KindDefinition } from "./kind.ts";

/** A JSON Schema (2020-12) as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * The JSON Schema of what a user may write: defaults are shown, fields with a default are optional, nothing is a
 * `$ref`. Rules that zod cannot express as JSON Schema are left to the server.
 */
export function jsonSchemaOf(schema: z.core.$ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, OPTIONS);
  return rest;
}

/**
 * JSON Schemas of several schemas by name, for the components of an OpenAPI document: where one uses another, it refers
 * to it by its name.
 */
export function jsonSchemasOf(
  named: Readonly<Record<string, z.ZodType>>,
): Readonly<Record<string, JsonSchema>> {
  const registry = z.registry<{ id: string }>();
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { ...OPTIONS, uri: (id) => `#/components/schemas/${id}` });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _, $id: __, ...rest }]) => [id, rest]),
  );
}

const OPTIONS = {
  io: "input",
  reused: "inline",
  unrepresentable: "any",
  override: ({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }) => {
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    delete jsonSchema.propertyNames;
  },
} as const;

const STRING_MAP: JsonSchema = { type: "object", additionalProperties: { type: "string" } };
const TIME: JsonSchema = { type: "string", format: "date-time", readOnly: true };

/** The JSON Schema of a whole document of a kind, as the API reads and writes it. */
export function documentSchemaOf(kind: KindDefinition): JsonSchema {
  const spec = jsonSchemaOf(kind.spec);
  const mesh =
    kind.scope === "Mesh" ? { mesh: { type: "string", description: "The mesh it belongs to." } } : {};
  const properties = {
    type: { type: "string", enum: [kind.type] },
    ...mesh,
    name: { type: "string", description: `Name of the ${kind.displayName.singular}.` },
    creationTime: TIME,
    modificationTime: TIME,
    labels: STRING_MAP,
    ...(kind.shortName === undefined ? {} : { kri: { type: "string", readOnly: true } }),
    ...(kind.hasSnis === true ? { snis: SNIS } : {}),
    ...(kind.shape === "spec" ? { spec } : (spec.properties ?? {})),
    ...(kind.hasStatus && kind.status !== undefined
      ? { status: { ...jsonSchemaOf(kind.status), readOnly: true } }
      : {}),
  };
  const specRequired = Array.isArray(spec.required) ? spec.required : [];
  const required = [
    "type",
    ...(kind.scope === "Mesh" ? ["mesh"] : []),
    "name",
    ...(kind.shape === "spec" ? ["spec"] : specRequired),
  ];
  return { type: "object", description: kind.description, required, properties };
}

const SNIS: JsonSchema = {
  type: "array",
  readOnly: true,
  items: {
    type: "object",
    required: ["port", "sni"],
    properties: { port: { type: "integer" }, sni: { type: "string" } },
  },
};
