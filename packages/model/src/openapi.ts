import { documentSchemaOf, type JsonSchema } from "./json-schema.ts";
import type { KindDefinition } from "./kind.ts";
import type { Registry } from "./registry.ts";

/** An OpenAPI 3.1 document as plain data. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: JsonSchema;
  readonly paths: Readonly<Record<string, JsonSchema>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

/** Paths beside those of resources, and the schemas that they name. */
export interface OpenApiAddition {
  readonly paths: Readonly<Record<string, JsonSchema>>;
  readonly schemas: Readonly<Record<string, JsonSchema>>;
}

/**
 * The description of the resource API: list, get, put and delete of every kind, with the schema of its documents.
 * `addition` is what the server has beside that; `Problem` is a schema that it may name.
 */
export function openApiDocument(
  registry: Registry,
  version = "0.1.0",
  addition: OpenApiAddition = { paths: {}, schemas: {} },
): OpenApiDocument {
  const paths: Record<string, JsonSchema> = { ...addition.paths };
  const schemas: Record<string, JsonSchema> = { ...COMMON_SCHEMAS, ...addition.schemas };
  for (const kind of registry.kinds) {
    schemas[`${kind.type}Item`] = documentSchemaOf(kind);
    schemas[`${kind.type}List`] = listSchema(kind);
    Object.assign(paths, pathsOf(kind));
  }
  return {
    openapi: "3.1.0",
    info: { title: "Skein", version, description: "Resources of the Skein service mesh control plane." },
    paths,
    components: { schemas },
  };
}

function pathsOf(kind: KindDefinition): Record<string, JsonSchema> {
  const meshScoped = kind.scope === "Mesh";
  const collection = meshScoped ? `/meshes/{mesh}/${kind.path}` : `/${kind.path}`;
  const meshParameter = meshScoped ? [pathParameter("mesh", "Name of the mesh.")] : [];
  const nameParameter = pathParameter("name", `Name of the ${kind.displayName.singular}.`);
  const across = meshScoped
    ? { [`/${kind.path}`]: { get: listOperation(kind, `list${kind.type}AcrossMeshes`, "of all meshes") } }
    : {};
  return {
    [collection]: {
      ...(meshParameter.length > 0 ? { parameters: meshParameter } : {}),
      get: listOperation(kind, `list${kind.type}`, ""),
    },
    [`${collection}/{name}`]: {
      parameters: [...meshParameter, nameParameter],
      get: {
        operationId: `get${kind.type}`,
        tags: [kind.type],
        summary: `One ${kind.displayName.singular}`,
        responses: {
          200: json(`${kind.type}Item`, "The resource."),
          404: problem("There is none of that name."),
        },
      },
      ...writeOperations(kind),
    },
    ...across,
  };
}

function writeOperations(kind: KindDefinition): JsonSchema {
  if (!kind.writableOn.global && !kind.writableOn.zone) return {};
  const refused = {
    400: problem("The request is not valid."),
    403: problem("The caller may not do this."),
    405: problem("This control plane does not own resources of this kind."),
    409: problem("The resource was changed at the same time."),
  };
  return {
    put: {
      operationId: `put${kind.type}`,
      tags: [kind.type],
      summary: `Create or replace a ${kind.displayName.singular}`,
      parameters: [VALIDATE_PARAMETER],
      requestBody: { required: true, ...json(`${kind.type}Item`, `The ${kind.displayName.singular}.`) },
      responses: {
        200: json("WriteAnswer", "It was replaced."),
        201: json("WriteAnswer", "It was created."),
        ...refused,
      },
    },
    delete: {
      operationId: `delete${kind.type}`,
      tags: [kind.type],
      summary: `Delete a ${kind.displayName.singular}`,
      responses: {
        200: json("WriteAnswer", "It was deleted."),
        ...refused,
        404: problem("There is none of that name."),
      },
    },
  };
}

function listOperation(kind: KindDefinition, operationId: string, where: string): JsonSchema {
  return {
    operationId,
    tags: [kind.type],
    summary: `${kind.displayName.plural} ${where}`.trim(),
    parameters: LIST_PARAMETERS,
    responses: { 200: json(`${kind.type}List`, "One page."), 400: problem("A parameter is not valid.") },
  };
}

function listSchema(kind: KindDefinition): JsonSchema {
  return {
    type: "object",
    required: ["total", "items", "next"],
    properties: {
      total: { type: "integer", description: "Number of resources before paging." },
      items: { type: "array", items: { $ref: `#/components/schemas/${kind.type}Item` } },
      next: { type: ["string", "null"], description: "URL of the next page." },
    },
  };
}

function pathParameter(name: string, description: string): JsonSchema {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

function queryParameter(name: string, description: string, schema: JsonSchema): JsonSchema {
  return { name, in: "query", required: false, description, schema };
}

function json(schema: string, description: string): JsonSchema {
  return {
    description,
    content: { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } },
  };
}

function problem(description: string): JsonSchema {
  return json("Problem", description);
}

const LIST_PARAMETERS: readonly JsonSchema[] = [
  queryParameter("size", "Resources per page.", { type: "integer", minimum: 1, maximum: 1000, default: 100 }),
  queryParameter("offset", "Position of the first resource in the sorted list.", {
    type: "integer",
    minimum: 0,
  }),
  queryParameter("name", "Only resources whose name contains this text.", { type: "string" }),
  {
    ...queryParameter("filter", "Only resources with these labels, as filter[labels.KEY]=VALUE.", {
      type: "object",
      additionalProperties: { type: "string" },
    }),
    style: "deepObject",
  },
];

const VALIDATE_PARAMETER = queryParameter("validate", "What to do about unknown fields.", {
  type: "string",
  enum: ["strict", "warn", "ignore"],
  default: "warn",
});

const COMMON_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  WriteAnswer: {
    type: "object",
    properties: { warnings: { type: "array", items: { type: "string" } } },
  },
  Problem: {
    type: "object",
    required: ["type", "status", "title", "detail"],
    properties: {
      type: { type: "string" },
      status: { type: "integer" },
      title: { type: "string" },
      detail: { type: "string" },
      instance: { type: "string" },
      invalid_parameters: {
        type: "array",
        items: {
          type: "object",
          required: ["field", "reason"],
          properties: { field: { type: "string" }, reason: { type: "string" } },
        },
      },
    },
  },
};
