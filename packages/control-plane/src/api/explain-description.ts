import { jsonSchemaOf, type OpenApiAddition } from "@skein/model";
import { explanationSchema } from "../explain/explanation-schema.ts";

const text = { type: "string" };
const parameter = (name: string, description: string, schema: object = text) => ({
  ...{ name, in: "query", description, schema },
  required: name === "source" || name === "destination",
});
const answer = (schema: string, description: string) => ({
  description,
  content: { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } },
});

/** `GET /meshes/{mesh}/_explain` as OpenAPI has it. */
export const EXPLAIN_DESCRIPTION: OpenApiAddition = {
  paths: {
    "/meshes/{mesh}/_explain": {
      parameters: [
        { name: "mesh", in: "path", required: true, description: "Name of the mesh.", schema: text },
      ],
      get: {
        operationId: "explainRequest",
        tags: ["Explain"],
        summary: "What would happen to a request, hop by hop",
        parameters: [
          parameter("source", "A Dataplane, or the name of its workload."),
          parameter(
            "destination",
            "A service, a Dataplane or a workload, with :port where it has several; a host name where the source is a built-in gateway.",
          ),
          parameter("port", "Port of the destination.", { type: "integer", minimum: 1, maximum: 65_535 }),
          parameter("method", "Method of the request.", { ...text, default: "GET" }),
          parameter("path", "Path of the request, with its query.", { ...text, default: "/" }),
          parameter("header", "A header of the request, as NAME:VALUE. Any number of times.", {
            type: "array",
            items: text,
          }),
        ],
        responses: {
          200: answer("Explanation", "What would happen."),
          400: answer("Problem", "A part of the question is missing, malformed, or means several things."),
          404: answer("Problem", "There is no such mesh, or nothing of that name in it."),
        },
      },
    },
  },
  schemas: { Explanation: jsonSchemaOf(explanationSchema) },
};
