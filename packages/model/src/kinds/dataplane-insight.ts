import * as z from "zod";
import { timestamp } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { buildVersionFields, discoveryCountersSchema } from "../subscription.ts";

const subscriptionSchema = z.object({
  id: z.string(),
  controlPlaneInstanceId: z.string().optional(),
  connectTime: timestamp().optional(),
  disconnectTime: timestamp().optional(),
  generation: z.int().optional(),
  status: z
    .object({
      lastUpdateTime: timestamp().optional(),
      total: discoveryCountersSchema.optional(),
      cds: discoveryCountersSchema.optional(),
      eds: discoveryCountersSchema.optional(),
      lds: discoveryCountersSchema.optional(),
      rds: discoveryCountersSchema.optional(),
    })
    .optional(),
  version: z
    .object({
      kumaDp: z.object({ ...buildVersionFields, kumaCpCompatible: z.boolean().optional() }).optional(),
      envoy: z
        .object({
          version: z.string().optional(),
          build: z.string().optional(),
          kumaDpCompatible: z.boolean().optional(),
        })
        .optional(),
      dependencies: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});

const rejectionSchema = z.object({
  time: timestamp(),
  revision: z.int(),
  typeUrl: z.string(),
  resource: z.string(),
  message: z.string(),
  origins: z.array(z.string()).optional(),
});

const signalSchema = z.object({
  enabled: z.boolean().optional(),
  envAllowed: z.boolean().optional(),
  envInputPresent: z.boolean().optional(),
  state: z.string().optional(),
  overrideKinds: z.array(z.string()).optional(),
  missingFields: z.array(z.string()).optional(),
  blockedReasons: z.array(z.string()).optional(),
});

const specSchema = z.object({
  subscriptions: z.array(subscriptionSchema).optional(),
  mTLS: z
    .object({
      certificateExpirationTime: timestamp().optional(),
      lastCertificateRegeneration: timestamp().optional(),
      certificateRegenerations: z.int().optional(),
      issuedBackend: z.string().optional(),
      supportedBackends: z.array(z.string()).optional(),
    })
    .optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  openTelemetry: z
    .object({
      backends: z
        .array(
          z.object({
            name: z.string().optional(),
            traces: signalSchema.optional(),
            logs: signalSchema.optional(),
            metrics: signalSchema.optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  rejections: z.array(rejectionSchema).optional(),
});

/** What the control plane saw of one proxy. `rejections` is ours: the resources the proxy refuses at present. */
export type DataplaneInsightSpec = z.infer<typeof specSchema>;
/** One connection of a proxy to a control plane instance. */
export type DataplaneSubscription = z.infer<typeof subscriptionSchema>;
/** One Envoy resource that a proxy refused; `origins` are the KRIs of the policies it came from. */
export type DataplaneRejection = z.infer<typeof rejectionSchema>;
/** A stored DataplaneInsight. */
export type DataplaneInsightResource = ResourceOf<typeof dataplaneInsightKind>;

/** What the control plane saw of one proxy: connections, versions, certificate, rejected configuration. */
export const dataplaneInsightKind = defineKind({
  type: "DataplaneInsight",
  path: "dataplane-insights",
  scope: "Mesh",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: false, zone: false },
  includeInFederation: false,
  cli: { singular: "dataplane-insight", plural: "dataplane-insights" },
  displayName: { singular: "Dataplane Insight", plural: "Dataplane Insights" },
  description:
    "What the control plane saw of one proxy: connections, versions, certificate, rejected configuration.",
  spec: specSchema,
});
