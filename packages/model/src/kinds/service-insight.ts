import * as z from "zod";
import { timestamp } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";

const count = () => z.int().min(0).optional();

const serviceSchema = z.object({
  status: z.enum(["online", "offline", "partially_degraded", "not_available"]).optional(),
  dataplanes: z.object({ total: count(), online: count(), offline: count() }).optional(),
  issuedBackends: z.record(z.string(), z.int()).optional(),
  serviceType: z.enum(["internal", "external", "gateway_delegated", "gateway_builtin"]).optional(),
  addressPort: z.string().optional(),
  zones: z.array(z.string()).optional(),
});

const specSchema = z.object({
  services: z.record(z.string(), serviceSchema).optional(),
  lastSync: timestamp().optional(),
});

/** The state of every service of a mesh; the API shows one item per entry of `services`. */
export type ServiceInsightSpec = z.infer<typeof specSchema>;
/** The state of one service. */
export type ServiceInsightService = z.infer<typeof serviceSchema>;
/** A stored ServiceInsight, one per mesh. */
export type ServiceInsightResource = ResourceOf<typeof serviceInsightKind>;

/** The state of the services of one mesh, by the number of proxies that are online. */
export const serviceInsightKind = defineKind({
  type: "ServiceInsight",
  path: "service-insights",
  scope: "Mesh",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: false, zone: false },
  includeInFederation: false,
  cli: { singular: "service-insight", plural: "service-insights" },
  displayName: { singular: "Service Insight", plural: "Service Insights" },
  description: "The state of the services of one mesh, by the number of proxies that are online.",
  spec: specSchema,
});
