import * as z from "zod";
import { conditionSchema, port, stringMap } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { validateMatchLabels } from "../labels.ts";
import {
  hostnameGeneratorStatusSchema,
  serviceAddressSchema,
  unknownProtocolWarnings,
  validateServicePorts,
} from "./mesh-service.ts";

const portSchema = z.object({
  name: z.string().optional(),
  port: port(),
  appProtocol: z.string().default("tcp"),
});

const specSchema = z.object({
  selector: z.object({ meshService: z.object({ matchLabels: stringMap().optional() }) }),
  ports: z.array(portSchema).min(1, "must have at least one port"),
});

const statusSchema = z.object({
  addresses: z.array(serviceAddressSchema).optional(),
  vips: z.array(z.object({ ip: z.string().optional() })).optional(),
  meshServices: z
    .array(z.object({ name: z.string(), namespace: z.string(), zone: z.string(), mesh: z.string() }))
    .optional(),
  hostnameGenerators: z.array(hostnameGeneratorStatusSchema).optional(),
  conditions: z.array(conditionSchema).optional(),
});

/** What a MeshMultiZoneService says: which MeshServices are one, and on which ports. */
export type MeshMultiZoneServiceSpec = z.infer<typeof specSchema>;
/** What the control plane adds: the services that it found, address and names. */
export type MeshMultiZoneServiceStatus = z.infer<typeof statusSchema>;
/** A stored MeshMultiZoneService. */
export type MeshMultiZoneServiceResource = ResourceOf<typeof meshMultiZoneServiceKind>;

/** Several MeshServices, of one zone or many, that are called as one. */
export const meshMultiZoneServiceKind = defineKind({
  type: "MeshMultiZoneService",
  path: "meshmultizoneservices",
  shortName: "mzsvc",
  scope: "Mesh",
  shape: "spec",
  hasStatus: true,
  writableOn: { global: true, zone: false },
  includeInFederation: true,
  hasSnis: true,
  cli: { singular: "meshmultizoneservice", plural: "meshmultizoneservices" },
  displayName: { singular: "Mesh Multi-Zone Service", plural: "Mesh Multi-Zone Services" },
  description: "Several MeshServices, of one zone or many, that are called as one.",
  spec: specSchema,
  status: statusSchema,
  validate: ({ name, spec }) => [
    ...(name.length > 63 ? [{ field: "name", reason: "cannot be longer than 63 characters" }] : []),
    ...validateMatchLabels(spec.selector.meshService.matchLabels, "spec.selector.meshService.matchLabels"),
    ...validateServicePorts(spec.ports),
  ],
  deprecations: ({ spec }) => unknownProtocolWarnings(spec.ports),
  servicePorts: (spec) => spec.ports,
});
