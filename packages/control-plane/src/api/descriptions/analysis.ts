import * as z from "zod";
import { CODES, type Code } from "../../analyze/codes.ts";
import type { Finding } from "../../analyze/finding.ts";
import { describes } from "./describes.ts";
import { json, NO_MESH, pageSchema } from "./parts.ts";
import type { Topic } from "./topic.ts";

const finding = describes<Finding>()(
  z.object({
    code: z.enum(Object.keys(CODES) as Code[]),
    severity: z.enum(["error", "warning", "info"]),
    resource: z.object({ type: z.string(), mesh: z.string(), name: z.string() }),
    path: z.string().describe("Where in the resource; empty for all of it."),
    message: z.string(),
    fix: z.string(),
  }),
);

/** What in a mesh is probably not what its people want. */
export const ANALYSIS: Topic = {
  paths: {
    "/meshes/{mesh}/_analysis": {
      get: {
        ...{ id: "analyzeMesh", tag: "Analysis" },
        summary: "What in a mesh is probably not what its people want",
        answers: { 200: json("FindingList", "All findings, in the order of their codes."), 404: NO_MESH },
      },
    },
  },
  schemas: { Finding: finding, FindingList: pageSchema(finding) },
};
