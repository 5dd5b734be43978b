import * as z from "zod";
import type { AccessEntry } from "../ports.ts";
import { describes } from "./describes.ts";
import { json, NO_MESH } from "./parts.ts";
import type { Topic } from "./topic.ts";

/** Who asks for permissions where the mesh is left. */
export const outside = z.enum(["egress", "sidecar"]);

/** What becomes of calls between a pair. */
export const accessVerdict = z.enum(["allow", "deny", "plaintext", "unchecked", "unreachable", "differs"]);

const entry = describes<AccessEntry>()(
  z.object({
    source: z.string(),
    sourceId: z.string().describe("SPIFFE id."),
    destination: z.string(),
    port: z.int(),
    outside: outside.exactOptional(),
    verdict: accessVerdict,
    policy: z.string().nullable().describe("KRI of the policy that decides; null where none does."),
    reason: z.string(),
  }),
);

/** Who may call whom. */
export const ACCESS: Topic = {
  paths: {
    "/meshes/{mesh}/_access": {
      get: {
        ...{ id: "getAccess", tag: "Access" },
        summary: "Who may call whom, and which policy says so",
        answers: { 200: json("AccessMatrix", "Every pair."), 404: NO_MESH },
      },
    },
  },
  schemas: { AccessEntry: entry, AccessMatrix: z.object({ items: z.array(entry) }) },
};
