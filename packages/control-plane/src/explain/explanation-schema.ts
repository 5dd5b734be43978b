import * as z from "zod";
import { type Explanation, HOP_PLACES, VERDICTS } from "./explanation.ts";

const origin = z.object({ policy: z.string(), rule: z.string() });
const verdict = z.enum(VERDICTS);
const status = z.int();
const share = z.number();
const header = z.object({ name: z.string(), value: z.string() });
const remedy = z.object({ text: z.string(), document: z.unknown().optional() }).nullable();
const limits = z.object({
  requestMs: z.number().exactOptional(),
  connectMs: z.number().exactOptional(),
  idleMs: z.number().exactOptional(),
});
const hop = z.object({
  at: z.enum(HOP_PLACES),
  name: z.string(),
  outcome: z.enum(["pass", "stop", "warn"]),
  text: z.string(),
  facts: z.array(z.object({ name: z.string(), value: z.string(), origin: origin.exactOptional() })),
});
const branch = z.object({
  backend: z.string(),
  share,
  instances: z.array(z.string()),
  verdict,
  reason: z.string(),
  decidedBy: origin.nullable(),
  limits,
  attempts: z.array(
    z.object({
      share,
      status: status.exactOptional(),
      delayMs: z.number().exactOptional(),
      without: z.enum(["connect", "reset", "endpoint"]).exactOptional(),
    }),
  ),
  hops: z.array(hop),
  remedy,
});

/**
 * `Explanation` as a schema, for the description of the API. The compiler holds it to the type, and the tests of `explain`
 * hold every answer to it.
 */
export const explanationSchema = z.object({
  mesh: z.string(),
  source: z.object({ dataplane: z.string(), workload: z.string(), spiffeId: z.string().nullable() }),
  destination: z.object({ name: z.string(), port: z.int(), protocol: z.string() }),
  request: z
    .object({ method: z.string(), path: z.string(), headers: z.record(z.string(), z.string()) })
    .nullable(),
  verdict,
  reason: z.string(),
  decidedBy: origin.nullable(),
  route: origin.nullable(),
  answer: z.object({ status, location: z.string().exactOptional() }).nullable(),
  sent: z
    .object({
      path: z.string(),
      host: z.string().exactOptional(),
      headers: z.record(z.string(), z.string().nullable()).exactOptional(),
    })
    .nullable(),
  returned: z.object({ remove: z.array(z.string()), set: z.array(header), add: z.array(header) }).nullable(),
  copies: z.array(z.object({ backend: z.string().nullable(), share })),
  endings: z.array(z.object({ share, status: status.exactOptional() })),
  endingsEstimated: z.boolean(),
  seen: z.string(),
  limits,
  hops: z.array(hop),
  branches: z.array(branch),
  remedy,
  otherwise: z.array(z.object({ dataplane: z.string(), verdict, reason: z.string() })),
}) satisfies z.ZodType<Explanation>;
