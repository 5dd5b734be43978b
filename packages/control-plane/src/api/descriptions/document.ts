import { type JsonSchema, jsonSchemasOf } from "@skein/model";
import { problem } from "./parts.ts";
import type { Answer, Operation, PathDescription, Topic } from "./topic.ts";

/** An OpenAPI 3.1 document as plain data. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: JsonSchema;
  readonly servers: readonly JsonSchema[];
  readonly paths: Readonly<Record<string, JsonSchema>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: JsonSchema;
  };
}

/** The topics as one document. `basePath` is the prefix of all paths. */
export function openApiDocument(
  topics: readonly Topic[],
  { version, basePath }: { readonly version: string; readonly basePath: string },
): OpenApiDocument {
  const paths = topics.flatMap((topic) => Object.entries(topic.paths));
  const named = Object.fromEntries(topics.flatMap(({ schemas = {} }) => Object.entries(schemas)));
  const ofKinds = Object.fromEntries(topics.flatMap(({ kindSchemas = {} }) => Object.entries(kindSchemas)));
  return {
    openapi: "3.1.0",
    info: { title: "Skein", version, description: "The HTTP API of the Skein service mesh control plane." },
    servers: [{ url: basePath }],
    paths: Object.fromEntries(paths.map(([path, description]) => [path, pathItem(path, description)])),
    components: {
      schemas: { ...ofKinds, ...jsonSchemasOf(named) },
      securitySchemes: {
        BearerAuth: { type: "http", scheme: "bearer", description: "A user token." },
      },
    },
  };
}

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  mesh: "Name of the mesh.",
  name: "Name of the resource.",
  resourceName: "Name of the resource.",
  policyName: "Name of the policy or service.",
  serviceName: "Name of the service.",
  resourceType: "Path of the kind.",
  policyType: "Path of the kind of the policy or service.",
  serviceType: "Path of the kind of the service.",
  kri: "KRI.",
  "inbound-kri": "KRI of the inbound, as `_layout` has it.",
  "outbound-kri": "KRI of the outbound, as `_layout` has it.",
  "route-kri": "KRI of the route, as `_routes` has it.",
  id: "Number of the change.",
  page: "A page of the GUI.",
};

function pathItem(path: string, { values = {}, ...operations }: PathDescription): JsonSchema {
  const parameters = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name = ""]) => ({
    name,
    in: "path",
    required: true,
    description: PATH_PARAMETERS[name],
    schema: { type: "string", ...(values[name] === undefined ? {} : { enum: values[name] }) },
  }));
  return {
    ...(parameters.length > 0 ? { parameters } : {}),
    ...Object.fromEntries(Object.entries(operations).map(([method, each]) => [method, operation(each)])),
  };
}

function operation({ id, tag, summary, parameters, body, answers, isPublic, isOld }: Operation): JsonSchema {
  const own = Object.entries({
    ...(isPublic ? {} : { 401: problem("The credentials are not valid.") }),
    500: problem("The control plane could not do it."),
    ...answers,
  });
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(isOld ? { deprecated: true } : {}),
    // Without credentials somebody is anonymous, and on the machine itself the admin.
    security: isPublic ? [] : [{}, { BearerAuth: [] }],
    ...(parameters === undefined
      ? {}
      : { parameters: parameters.map((each) => ({ required: false, ...each })) }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: { $ref: `#/components/schemas/${body}` } } },
          },
        }),
    responses: Object.fromEntries(own.map(([status, each]) => [status, response(each)])),
  };
}

function response({ description, content, headers }: Answer): JsonSchema {
  const described = Object.entries(headers ?? {}).map(
    ([name, text]) => [name, { description: text, schema: { type: "string" } }] as const,
  );
  return {
    description,
    ...(described.length > 0 ? { headers: Object.fromEntries(described) } : {}),
    ...(content === undefined
      ? {}
      : {
          content: Object.fromEntries(Object.entries(content).map(([type, schema]) => [type, { schema }])),
        }),
  };
}
