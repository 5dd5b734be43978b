import * as z from "zod";
import { timestamp } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { buildVersionFields, discoveryCountersSchema } from "../subscription.ts";

const streamSchema = z.object({
  globalInstanceId: z.string().optional(),
  connectTime: timestamp().optional(),
});

const subscriptionSchema = z.object({
  id: z.string(),
  globalInstanceId: z.string().optional(),
  zoneInstanceId: z.string().optional(),
  connectTime: timestamp().optional(),
  disconnectTime: timestamp().optional(),
  generation: z.int().optional(),
  status: z
    .object({
      lastUpdateTime: timestamp().optional(),
      total: discoveryCountersSchema.optional(),
      stat: z.record(z.string(), discoveryCountersSchema).optional(),
    })
    .optional(),
  version: z
    .object({
      kumaCp: z.object({ ...buildVersionFields, kumaCpGlobalCompatible: z.boolean().optional() }).optional(),
    })
    .optional(),
  config: z.string().optional(),
  authTokenProvided: z.boolean().optional(),
});

const specSchema = z.object({
  subscriptions: z.array(subscriptionSchema).optional(),
  envoyAdminStreams: z
    .object({
      configDumpGlobalInstanceId: z.string().optional(),
      statsGlobalInstanceId: z.string().optional(),
      clustersGlobalInstanceId: z.string().optional(),
    })
    .optional(),
  healthCheck: z.object({ time: timestamp().optional() }).optional(),
  kdsStreams: z
    .object({
      globalToZone: streamSchema.optional(),
      zoneToGlobal: streamSchema.optional(),
      configDump: streamSchema.optional(),
      stats: streamSchema.optional(),
      clusters: streamSchema.optional(),
    })
    .optional(),
});

/** What the global control plane saw of one zone. */
export type ZoneInsightSpec = z.infer<typeof specSchema>;
/** A stored ZoneInsight. */
export type ZoneInsightResource = ResourceOf<typeof zoneInsightKind>;

/** What the global control plane saw of one zone: connections, versions, what was synced. */
export const zoneInsightKind = defineKind({
  type: "ZoneInsight",
  path: "zone-insights",
  scope: "Global",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: false, zone: false },
  includeInFederation: false,
  cli: { singular: "zone-insight", plural: "zone-insights" },
  displayName: { singular: "Zone Insight", plural: "Zone Insights" },
  description: "What the global control plane saw of one zone: connections, versions, what was synced.",
  spec: specSchema,
});
