import * as z from "zod";
import { protoDuration } from "../duration.ts";
import { optionalPort, port, stringMap } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { prometheusConfSchema } from "../prometheus-conf.ts";
import { dataplaneLabels, validateDataplane } from "./dataplane-rules.ts";

const inboundSchema = z.object({
  port: port(),
  servicePort: optionalPort(),
  serviceAddress: z.string().optional(),
  address: z.string().optional(),
  tags: stringMap().optional(),
  health: z.object({ ready: z.boolean().optional() }).optional(),
  serviceProbe: z
    .object({
      interval: protoDuration().optional(),
      timeout: protoDuration().optional(),
      unhealthyThreshold: z.int().min(0).optional(),
      healthyThreshold: z.int().min(0).optional(),
      tcp: z.object({}).optional(),
    })
    .optional(),
  state: z.enum(["Ready", "NotReady", "Ignored"]).optional(),
  name: z.string().optional(),
  protocol: z.string().optional(),
});

const outboundSchema = z.object({
  address: z.string().optional(),
  port: port(),
  tags: stringMap().optional(),
  backendRef: z
    .object({
      kind: z.enum(["MeshService", "MeshExternalService", "MeshMultiZoneService"]),
      name: z.string().optional(),
      labels: stringMap().optional(),
      port: optionalPort(),
    })
    .optional(),
});

const listenerSchema = z.object({
  type: z.enum(["ZoneIngress", "ZoneEgress"]).optional(),
  address: z.string().optional(),
  port: port(),
  name: z.string().optional(),
  state: z.enum(["Ready", "NotReady"]).optional(),
});

const networkingSchema = z.object({
  address: z.string().optional(),
  advertisedAddress: z.string().optional(),
  gateway: z
    .object({ tags: stringMap().optional(), type: z.enum(["DELEGATED", "BUILTIN"]).optional() })
    .optional(),
  inbound: z.array(inboundSchema).optional(),
  outbound: z.array(outboundSchema).optional(),
  listeners: z.array(listenerSchema).optional(),
  transparentProxying: z
    .object({
      redirectPortInbound: optionalPort(),
      redirectPortOutbound: optionalPort(),
      directAccessServices: z.array(z.string()).optional(),
      reachableServices: z.array(z.string()).optional(),
      reachableBackends: z
        .object({
          refs: z
            .array(
              z.object({
                kind: z.enum(["MeshService", "MeshExternalService", "MeshMultiZoneService"]),
                name: z.string().optional(),
                namespace: z.string().optional(),
                labels: stringMap().optional(),
                port: optionalPort(),
              }),
            )
            .optional(),
        })
        .optional(),
      ipFamilyMode: z.enum(["UnSpecified", "DualStack", "IPv4", "IPv6"]).optional(),
    })
    .optional(),
  admin: z.object({ port: optionalPort() }).optional(),
});

const specSchema = z.object({
  networking: networkingSchema.optional(),
  metrics: z
    .object({
      name: z.string().optional(),
      type: z.enum(["prometheus"]).optional(),
      conf: prometheusConfSchema.optional(),
    })
    .optional(),
  probes: z
    .object({
      port: optionalPort(),
      endpoints: z
        .array(
          z.object({
            inboundPort: optionalPort(),
            inboundPath: z.string().optional(),
            path: z.string().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

/** The fields of a Dataplane beside `type`, `mesh` and `name`. A valid one has `networking` with an `address`. */
export type DataplaneSpec = z.infer<typeof specSchema>;
/** `networking` of a Dataplane. */
export type DataplaneNetworking = z.infer<typeof networkingSchema>;
/** One application port that a proxy serves. */
export type DataplaneInbound = z.infer<typeof inboundSchema>;
/** One address on which a proxy takes the application's calls to a destination. */
export type DataplaneOutbound = z.infer<typeof outboundSchema>;
/** One zone proxy listener of a Dataplane. */
export type DataplaneListener = z.infer<typeof listenerSchema>;
/** A stored Dataplane. */
export type DataplaneResource = ResourceOf<typeof dataplaneKind>;

/** One data plane proxy: where it is, what it serves, what it calls. */
export const dataplaneKind = defineKind({
  type: "Dataplane",
  path: "dataplanes",
  shortName: "dp",
  scope: "Mesh",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: false, zone: true },
  includeInFederation: false,
  insight: { type: "DataplaneInsight", key: "dataplaneInsight", overviewType: "DataplaneOverview" },
  cli: { singular: "dataplane", plural: "dataplanes" },
  displayName: { singular: "Dataplane", plural: "Dataplanes" },
  description:
    "A data plane proxy: its address, the application ports it serves and the destinations it calls.",
  spec: specSchema,
  validate: ({ spec }) => validateDataplane(spec),
  computedLabels: (spec) => dataplaneLabels(spec),
});
