import { documentSchemaOf, type JsonSchema, type KindDefinition } from "@skein/model";
import * as z from "zod";
import type { ApiDeps } from "../deps.ts";
import { isWritable } from "../write-rules.ts";
import {
  BAD_PARAMETER,
  json,
  NAME_PARAMETER,
  NO_MESH,
  NO_RESOURCE,
  PAGE_PARAMETERS,
  problem,
  query,
  reference,
  text,
} from "./parts.ts";
import type { Answer, Operation, Parameter, PathDescription, Topic } from "./topic.ts";

/** List, get, put and delete of every kind, with the schema of its documents. */
export function describeResources(deps: Pick<ApiDeps, "registry" | "settings">): Topic {
  const { kinds } = deps.registry;
  return {
    paths: Object.assign({}, ...kinds.map((kind) => pathsOf(kind, isWritable(kind, deps.settings)))),
    schemas: { WriteAnswer: writeAnswer, KubernetesObject: kubernetesObject },
    kindSchemas: Object.fromEntries(
      kinds.flatMap((kind) => [
        [`${kind.type}Item`, documentSchemaOf(shownKind(kind))],
        [`${kind.type}List`, listSchema(`${kind.type}Item`)],
      ]),
    ),
  };
}

/** A page of documents. */
export function listSchema(item: string): JsonSchema {
  return {
    type: "object",
    required: ["total", "items", "next"],
    properties: {
      total: { type: "integer", description: "How many there are on all pages." },
      items: { type: "array", items: reference(item) },
      next: { type: ["string", "null"], description: "Address of the next page." },
    },
  };
}

/** What a list of a kind can be cut down to. */
export function listParameters({ type }: KindDefinition): readonly Parameter[] {
  const isTagged = type === "Dataplane" || type === "ExternalService";
  return [
    ...PAGE_PARAMETERS,
    NAME_PARAMETER,
    FILTER,
    ...(isTagged ? [TAG] : []),
    ...(type === "Dataplane" ? [GATEWAY] : []),
  ];
}

/** The API has a ServiceInsight for each service, and stores one for each mesh. */
function shownKind(kind: KindDefinition): KindDefinition {
  if (kind.type !== "ServiceInsight" || !(kind.spec instanceof z.ZodObject)) return kind;
  const services: unknown = kind.spec.shape.services;
  const record = services instanceof z.ZodOptional ? services.unwrap() : services;
  return record instanceof z.ZodRecord ? { ...kind, spec: record.valueType as z.ZodType } : kind;
}

function pathsOf(kind: KindDefinition, canWrite: boolean): Readonly<Record<string, PathDescription>> {
  const [path, ...others] = [kind.path, ...(kind.alternativePaths ?? [])];
  return Object.assign(
    {},
    pathsAt(kind, path, canWrite, {}),
    ...others.map((other) => pathsAt(kind, other, canWrite, { suffix: "AtOldPath", isOld: true })),
  );
}

function pathsAt(
  kind: KindDefinition,
  path: string,
  canWrite: boolean,
  { suffix = "", isOld }: { readonly suffix?: string; readonly isOld?: true },
): Readonly<Record<string, PathDescription>> {
  const inMesh = kind.scope === "Mesh";
  const collection = inMesh ? `/meshes/{mesh}/${path}` : `/${path}`;
  const marked = (operation: Operation): Operation => ({
    ...operation,
    id: `${operation.id}${suffix}`,
    ...(isOld ? { isOld } : {}),
  });
  const list = (id: string, where: string, isOfMesh: boolean) => ({
    get: marked({
      id,
      tag: kind.type,
      summary: `${kind.displayName.plural} ${where}`.trim(),
      parameters: [...listParameters(kind), ...(kind.type === "ServiceInsight" ? [SERVICE_TYPE] : [])],
      answers: {
        200: json(`${kind.type}List`, "One page."),
        400: BAD_PARAMETER,
        ...forbidden(kind),
        ...(isOfMesh ? { 404: NO_MESH } : {}),
      },
    }),
  });
  return {
    [collection]: list(`get${kind.type}List`, "", inMesh),
    ...(inMesh ? { [`/${path}`]: list(`get${kind.type}ListOfAllMeshes`, "of all meshes", false) } : {}),
    [`${collection}/{name}`]: {
      get: marked(getOperation(kind)),
      ...(canWrite ? { put: marked(putOperation(kind)), delete: marked(deleteOperation(kind)) } : {}),
    },
  };
}

function getOperation(kind: KindDefinition): Operation {
  return {
    id: `get${kind.type}`,
    tag: kind.type,
    summary: `One ${kind.displayName.singular}`,
    parameters: KUBERNETES_PARAMETERS,
    answers: {
      200: documentAnswer([kind]),
      400: BAD_PARAMETER,
      ...forbidden(kind),
      404: NO_RESOURCE,
    },
  };
}

/** A document of one of these kinds, or the Kubernetes object of it. */
export function documentAnswer(kinds: readonly KindDefinition[]): Answer {
  const schemas = [...kinds.map(({ type }) => `${type}Item`), "KubernetesObject"].map(reference);
  return {
    description: "The resource, in the format that was asked for.",
    content: { "application/json": { oneOf: schemas } },
  };
}

function putOperation(kind: KindDefinition): Operation {
  return {
    id: `put${kind.type}`,
    tag: kind.type,
    summary: `Create or replace a ${kind.displayName.singular}`,
    parameters: [VALIDATE, IF_MATCH],
    body: `${kind.type}Item`,
    answers: {
      200: written("It was replaced, or is like this already."),
      201: written("It was created."),
      ...refusals(kind),
      ...(kind.scope === "Mesh" ? { 404: NO_MESH } : {}),
      413: problem("The body is too large."),
      415: text("The body does not say that it is JSON."),
    },
  };
}

function deleteOperation(kind: KindDefinition): Operation {
  return {
    id: `delete${kind.type}`,
    tag: kind.type,
    summary: `Delete a ${kind.displayName.singular}`,
    parameters: [IF_MATCH],
    answers: {
      200: written("It was deleted."),
      ...refusals(kind),
      404: NO_RESOURCE,
    },
  };
}

function written(description: string): Answer {
  return {
    ...json("WriteAnswer", description),
    headers: { "Skein-Change-Id": "Number of the change, for `/_changes/{id}`." },
  };
}

function refusals(kind: KindDefinition): Readonly<Record<number, Answer>> {
  return {
    400: problem("The request is not valid, or would break something: `invalid_parameters` says where."),
    ...forbidden(kind),
    409: problem("The resource was changed at the same time."),
    503: problem("What is stored cannot be reached."),
  };
}

function forbidden(kind: KindDefinition): Readonly<Record<number, Answer>> {
  return kind.adminOnly ? { 403: problem("Only admins may.") } : {};
}

const writeAnswer = z.object({
  warnings: z.array(z.string()).exactOptional().describe("What is fine and probably not what was meant."),
  changeId: z.int().describe("Revision of the store that the write made."),
});

const kubernetesObject = z.object({
  kind: z.string(),
  apiVersion: z.string(),
  mesh: z.string().exactOptional(),
  metadata: z.object({
    name: z.string(),
    namespace: z.string().exactOptional(),
    creationTimestamp: z.string(),
    labels: z.record(z.string(), z.string()).exactOptional(),
  }),
  spec: z.unknown().optional(),
  type: z.string().exactOptional().describe("Of a Secret."),
  data: z.object({ value: z.string() }).exactOptional().describe("Of a Secret."),
});

/** For one resource in the format of Kubernetes. */
export const KUBERNETES_PARAMETERS: readonly Parameter[] = [
  query("format", "`k8s` or `kubernetes` for the Kubernetes object that would be applied for it.", {
    type: "string",
    enum: ["universal", "k8s", "kubernetes"],
    default: "universal",
  }),
  query("namespace", "Namespace of the Kubernetes object."),
];

const FILTER: Parameter = {
  ...query("filter", "Only those with all of these labels, as `filter[labels.KEY]=VALUE`.", {
    type: "object",
    additionalProperties: { type: "string" },
  }),
  style: "deepObject",
};
const TAG = query("tag", "Only those with all of these tags, as `KEY:VALUE`; `*` is any value.", {
  type: "array",
  items: { type: "string" },
});
const GATEWAY = query("gateway", "Only gateways, of some type or any, or only those that are none.", {
  type: "string",
  enum: ["true", "false", "builtin", "delegated"],
});
const SERVICE_TYPE = query("type", "Only services of these types: names with commas between them.");
const VALIDATE = query("validate", "What to do about unknown fields.", {
  type: "string",
  enum: ["strict", "warn", "ignore"],
  default: "warn",
});
const IF_MATCH: Parameter = {
  name: "If-Match",
  in: "header",
  description: 'Only if the resource has not changed since this change id, such as `"42"`.',
  schema: { type: "string" },
};
