import type { BackendPlan, DestinationPlan } from "@skein/policies";
import * as z from "zod";
import { describes, type Shown } from "./describes.ts";

const text = z.string();

/** What proxies speak with each other. */
export const protocol = z.enum(["tcp", "http", "http2", "grpc"]);

/** What policies decided. Each kind has a shape of its own. */
export const policies = z.record(text, z.unknown()).describe("What policies decided, by kind, with origins.");

/** A destination among those of its mesh. */
export const destinationKey = z.templateLiteral([z.string(), "|", z.number()]);

/** One port of one destination. */
export const destination = describes<DestinationPlan>()(
  z.object({
    kind: z.enum(["MeshService", "MeshMultiZoneService", "MeshExternalService", "ServiceTag"]),
    mesh: text,
    name: text,
    kri: text.describe("With the port as section; the name of the service where it is known by a tag."),
    labels: z.record(text, text),
    port: z.int(),
    portName: text,
    protocol,
    sni: text,
    serverIds: z.array(text),
    legacyName: text,
    routeName: text,
  }),
);

/** What a route's reference to another destination leads to. */
export const backendPlan: z.ZodType<Shown<BackendPlan>> = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("resolved"), target: destinationKey, destination, clusterName: text }),
  z.object({ kind: z.literal("unresolved"), problem: text }),
]);
