import * as z from "zod";
import { timestamp } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";

const count = () => z.int().min(0).optional();

const statSchema = z.object({
  total: count(),
  online: count(),
  offline: count(),
  partiallyDegraded: count(),
});

const totalsSchema = z.record(z.string(), z.object({ total: count() }));

const specSchema = z.object({
  dataplanes: statSchema.optional(),
  policies: totalsSchema.optional(),
  dpVersions: z
    .object({
      kumaDp: z.record(z.string(), statSchema).optional(),
      envoy: z.record(z.string(), statSchema).optional(),
    })
    .optional(),
  mTLS: z
    .object({
      issuedBackends: z.record(z.string(), statSchema).optional(),
      supportedBackends: z.record(z.string(), statSchema).optional(),
    })
    .optional(),
  services: z.object({ total: count(), internal: count(), external: count() }).optional(),
  dataplanesByType: z
    .object({
      standard: statSchema.optional(),
      gateway: statSchema.optional(),
      gatewayBuiltin: statSchema.optional(),
      gatewayDelegated: statSchema.optional(),
    })
    .optional(),
  resources: totalsSchema.optional(),
  lastSync: timestamp().optional(),
});

/** Counters over one mesh; zeros are left out. */
export type MeshInsightSpec = z.infer<typeof specSchema>;
/** A stored MeshInsight. */
export type MeshInsightResource = ResourceOf<typeof meshInsightKind>;

/** Counters over one mesh: proxies by state and version, services, resources. */
export const meshInsightKind = defineKind({
  type: "MeshInsight",
  path: "mesh-insights",
  scope: "Global",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: false, zone: false },
  includeInFederation: false,
  cli: { singular: "mesh-insight", plural: "mesh-insights" },
  displayName: { singular: "Mesh Insight", plural: "Mesh Insights" },
  description: "Counters over one mesh: proxies by state and version, services, resources.",
  spec: specSchema,
});
