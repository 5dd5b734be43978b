import * as z from "zod";
import { dataSourceSchema } from "../data-source.ts";
import { port, stringMap } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { validateMeshGateway } from "./mesh-gateway-rules.ts";

const tlsSchema = z.object({
  mode: z.enum(["NONE", "TERMINATE", "PASSTHROUGH"]).optional(),
  certificates: z.array(dataSourceSchema).optional(),
  options: z.object({}).optional(),
});

const listenerSchema = z.object({
  hostname: z.string().optional(),
  port: port(),
  protocol: z.enum(["NONE", "TCP", "TLS", "HTTP", "HTTPS"]).optional(),
  tls: tlsSchema.optional(),
  tags: stringMap().optional(),
  crossMesh: z.boolean().optional(),
  resources: z
    .object({
      connectionLimit: z.int("must be a whole number").min(0, "must not be negative").optional(),
    })
    .optional(),
});

const specSchema = z.object({
  selectors: z.array(z.object({ match: stringMap().optional() })).optional(),
  tags: stringMap().optional(),
  conf: z.object({ listeners: z.array(listenerSchema).optional() }).optional(),
});

/** The fields of a MeshGateway beside `type`, `mesh` and `name`. */
export type MeshGatewaySpec = z.infer<typeof specSchema>;
/** One host name on one port at which a gateway takes traffic. */
export type MeshGatewayListener = z.infer<typeof listenerSchema>;
/** How a listener takes TLS. */
export type MeshGatewayTls = z.infer<typeof tlsSchema>;
/** A stored MeshGateway. */
export type MeshGatewayResource = ResourceOf<typeof meshGatewayKind>;

/** What built-in gateways listen on: the proxies that take traffic of clients outside the mesh. */
export const meshGatewayKind = defineKind({
  type: "MeshGateway",
  path: "meshgateways",
  shortName: "mgw",
  scope: "Mesh",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  cli: { singular: "meshgateway", plural: "meshgateways" },
  displayName: { singular: "Mesh Gateway", plural: "Mesh Gateways" },
  description: "The ports and host names at which built-in gateways take traffic from outside the mesh.",
  spec: specSchema,
  validate: ({ spec }) => validateMeshGateway(spec),
});
