import { explanationSchema } from "../../explain/explanation-schema.ts";
import { json, problem, query } from "./parts.ts";
import type { Parameter, Topic } from "./topic.ts";

const required = (parameter: Parameter): Parameter => ({ ...parameter, required: true });

/** What would happen to a request. */
export const EXPLAIN: Topic = {
  paths: {
    "/meshes/{mesh}/_explain": {
      get: {
        ...{ id: "explainRequest", tag: "Explain" },
        summary: "What would happen to a request, hop by hop",
        parameters: [
          required(query("source", "A Dataplane, or the name of its workload.")),
          required(
            query(
              "destination",
              "A service, a Dataplane or a workload, with :port where it has several; a host name where the source is a built-in gateway.",
            ),
          ),
          query("port", "Port of the destination.", { type: "integer", minimum: 1, maximum: 65_535 }),
          query("method", "Method of the request.", { type: "string", default: "GET" }),
          query("path", "Path of the request, with its query.", { type: "string", default: "/" }),
          query("header", "A header of the request, as NAME:VALUE. Any number of times.", {
            type: "array",
            items: { type: "string" },
          }),
        ],
        answers: {
          200: json("Explanation", "What would happen."),
          400: problem("A part of the question is missing, malformed, or means several things."),
          404: problem("There is no such mesh, or nothing of that name in it."),
        },
      },
    },
  },
  schemas: { Explanation: explanationSchema },
};
