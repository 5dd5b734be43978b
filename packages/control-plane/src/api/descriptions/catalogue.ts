import * as z from "zod";
import { json } from "./parts.ts";
import type { Operation, Topic } from "./topic.ts";

const tag = "System";

const policy = z.object({
  hasFromTargetRef: z.boolean(),
  hasRulesTargetRef: z.boolean(),
  hasToTargetRef: z.boolean(),
  isFromAsRules: z.boolean(),
  isTargetRef: z.boolean(),
});

const kind = z.object({
  includeInFederation: z.boolean().describe("Flows from the global control plane to the zones."),
  name: z.string().describe("What documents have as `type`."),
  path: z.string(),
  pluralDisplayName: z.string(),
  policy: policy.exactOptional(),
  readOnly: z.boolean(),
  scope: z.enum(["Global", "Mesh"]),
  shortName: z.string().describe("In a KRI; empty where the kind has none."),
  singularDisplayName: z.string(),
});

const self = (id: string): Operation => ({
  ...{ id, tag },
  summary: "This document",
  answers: { 200: json("OpenApiDocument", "OpenAPI 3.1.") },
});

/** What the API has: its kinds, its policies, its description. */
export const CATALOGUE: Topic = {
  paths: {
    "/_resources": {
      get: {
        ...{ id: "get-resource-type-description", tag },
        summary: "Every kind of resource",
        answers: { 200: json("ResourceTypeDescriptionList", "The kinds.") },
      },
    },
    "/policies": {
      get: {
        ...{ id: "getPolicies", tag, isOld: true },
        summary: "Every kind of policy",
        answers: { 200: json("PolicyList", "The kinds.") },
      },
    },
    "/openapi.json": { get: self("getOpenApi") },
    "/_openapi": { get: self("getOpenApiOfOldPath") },
  },
  schemas: {
    PolicyDescription: policy,
    ResourceTypeDescription: kind,
    ResourceTypeDescriptionList: z.object({ resources: z.array(kind) }),
    PolicyList: z.object({
      policies: z.array(
        z.object({
          name: z.string(),
          readOnly: z.boolean(),
          path: z.string(),
          singularDisplayName: z.string(),
          pluralDisplayName: z.string(),
          isExperimental: z.boolean(),
          isTargetRefBased: z.boolean(),
          isInbound: z.boolean(),
          isOutbound: z.boolean(),
        }),
      ),
    }),
    OpenApiDocument: z.object({
      openapi: z.string(),
      info: z.record(z.string(), z.unknown()),
      servers: z.array(z.object({ url: z.string() })),
      paths: z.record(z.string(), z.unknown()),
      components: z.record(z.string(), z.unknown()),
    }),
  },
};
