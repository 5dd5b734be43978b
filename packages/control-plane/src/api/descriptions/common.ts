import type { CallerMatch } from "@skein/policies";
import type { Origin } from "@skein/policies/plan/origin";
import * as z from "zod";
import type { XdsType } from "../../xds/fragment.ts";
import type { Meta } from "../meta.ts";
import type { XdsName } from "../ports.ts";
import type { ProblemBody } from "../problem.ts";
import { choice, describes } from "./describes.ts";
import type { Topic } from "./topic.ts";

const parameter = z.object({ field: z.string(), reason: z.string() });

const error = describes<ProblemBody>()(
  z.object({
    type: z.literal("/std-errors"),
    status: z.int(),
    title: z.string().describe("What the request was about to do."),
    detail: z.string(),
    invalid_parameters: z.array(parameter).exactOptional(),
    details: z.string().describe("The same as `detail`, for old clients."),
    causes: z
      .array(z.object({ field: z.string(), message: z.string() }))
      .exactOptional()
      .describe("The same as `invalid_parameters`, for old clients."),
  }),
);

/** How inspection names a resource. */
export const meta = describes<Meta>()(
  z.object({
    labels: z.record(z.string(), z.string()),
    mesh: z.string(),
    name: z.string(),
    type: z.string(),
    kri: z.string().exactOptional(),
  }),
);

/** The rule of a policy that something comes from. */
export const origin = describes<Origin>()(
  z.object({ policy: z.string().describe("KRI."), rule: z.string().describe("Such as `to[0]`.") }),
);

/** The callers that something is about. */
export const caller = describes<CallerMatch>()(
  z.object({
    spiffeID: z.object({ type: z.enum(["Exact", "Prefix"]), value: z.string() }).exactOptional(),
    sni: z.object({ type: z.literal("Exact"), value: z.string() }).exactOptional(),
  }),
);

/** Types of Envoy's resources. */
export const xdsType = choice<XdsType>({
  cluster: true,
  endpoint: true,
  listener: true,
  route: true,
  secret: true,
  runtime: true,
});

/** A resource of Envoy. */
export const xdsName = describes<XdsName>()(z.object({ type: xdsType, name: z.string() }));

/** What many answers have in common. */
export const COMMON: Topic = {
  paths: {},
  schemas: {
    Error: error,
    InvalidParameters: parameter,
    Meta: meta,
    Origin: origin,
    CallerMatch: caller,
    EnvoyResource: xdsName,
  },
};
