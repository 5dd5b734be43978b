import * as z from "zod";
import { isHostName, isIp } from "../address.ts";
import { type DataSource, validateDataSource } from "../data-source.ts";
import { port } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import type { Violation } from "../violation.ts";
import { hostnameGeneratorStatusSchema, serviceAddressSchema } from "./mesh-service.ts";

/** Where bytes of an external service come from; a file is not among them, for the reader is another machine. */
const sourceSchema = z.object({
  secret: z.string().optional(),
  inline: z.base64({ error: "must be base64" }).optional(),
  inlineString: z.string().optional(),
});

const TLS_VERSIONS = ["TLSAuto", "TLS10", "TLS11", "TLS12", "TLS13"] as const;
const tlsVersion = () => z.enum(TLS_VERSIONS).default("TLSAuto");

const endpointSchema = z.object({
  address: z.string().min(1, "cannot be empty"),
  port: port().optional(),
  priority: z
    .int("must be a whole number")
    .min(0, "must be in the range [0, 128]")
    .max(128, "must be in the range [0, 128]")
    .optional(),
});

const verificationSchema = z.object({
  mode: z.enum(["Secured", "SkipSAN", "SkipCA", "SkipAll"]).default("Secured"),
  serverName: z.string().optional(),
  subjectAltNames: z
    .array(z.object({ type: z.enum(["Exact", "Prefix"]).default("Exact"), value: z.string() }))
    .optional(),
  caCert: sourceSchema.optional(),
  clientCert: sourceSchema.optional(),
  clientKey: sourceSchema.optional(),
});

const specSchema = z.object({
  match: z.object({
    type: z.enum(["HostnameGenerator"]).default("HostnameGenerator"),
    port: port(),
    protocol: z.enum(["tcp", "grpc", "http", "http2"]).default("tcp"),
  }),
  extension: z
    .object({ type: z.string().min(1, "cannot be empty"), config: z.unknown().optional() })
    .optional(),
  endpoints: z.array(endpointSchema).optional(),
  tls: z
    .object({
      enabled: z.boolean().default(false),
      version: z.object({ min: tlsVersion(), max: tlsVersion() }).optional(),
      allowRenegotiation: z.boolean().default(false),
      verification: verificationSchema.optional(),
    })
    .optional(),
});

const statusSchema = z.object({
  vip: z.object({ ip: z.string().optional() }).optional(),
  addresses: z.array(serviceAddressSchema).optional(),
  hostnameGenerators: z.array(hostnameGeneratorStatusSchema).optional(),
});

/** What a MeshExternalService says: where something outside the mesh is, and how to speak with it. */
export type MeshExternalServiceSpec = z.infer<typeof specSchema>;
/** One place where an external service is. */
export type MeshExternalServiceEndpoint = z.infer<typeof endpointSchema>;
/** How TLS to an external service is made. */
export type MeshExternalServiceTls = NonNullable<MeshExternalServiceSpec["tls"]>;
/** What the control plane adds: the address and the names by which applications call it. */
export type MeshExternalServiceStatus = z.infer<typeof statusSchema>;
/** A stored MeshExternalService. */
export type MeshExternalServiceResource = ResourceOf<typeof meshExternalServiceKind>;

/** Something outside the mesh that applications call by a name of the mesh. */
export const meshExternalServiceKind = defineKind({
  type: "MeshExternalService",
  path: "meshexternalservices",
  shortName: "extsvc",
  scope: "Mesh",
  shape: "spec",
  hasStatus: true,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  hasSnis: true,
  cli: { singular: "meshexternalservice", plural: "meshexternalservices" },
  displayName: { singular: "Mesh External Service", plural: "Mesh External Services" },
  description: "Something outside the mesh that applications call by a name of the mesh.",
  spec: specSchema,
  status: statusSchema,
  validate: ({ name, spec }) => [
    ...(name.length > 63 ? [{ field: "name", reason: "cannot be longer than 63 characters" }] : []),
    ...validateEndpoints(spec),
    ...validateTls(spec),
  ],
  servicePorts: (spec) => [{ port: spec.match.port }],
});

const UNIX = "unix://";

/** The path of an endpoint that is a Unix socket on the machine of the proxy: `unix:///run/db.sock`. */
export function unixSocketPath(address: string): string | undefined {
  return address.startsWith(UNIX) ? address.slice(UNIX.length) : undefined;
}

function validateEndpoints({ endpoints = [], extension }: MeshExternalServiceSpec): readonly Violation[] {
  if (endpoints.length === 0 && extension === undefined) {
    return [{ field: "spec.endpoints", reason: "must have at least one endpoint" }];
  }
  const hasNames = endpoints.some(({ address }) => unixSocketPath(address) === undefined && !isIp(address));
  return endpoints.flatMap((endpoint, index) => {
    const field = `spec.endpoints[${index}]`;
    const violations = validateEndpoint(endpoint, field);
    // Envoy looks up names in one kind of cluster and takes sockets in another.
    return hasNames && violations.length === 0 && unixSocketPath(endpoint.address) !== undefined
      ? [
          {
            field: `${field}.address`,
            reason:
              "a Unix socket cannot stand beside host names: give IP addresses instead of the names, or make it a MeshExternalService of its own",
          },
        ]
      : violations;
  });
}

function validateEndpoint(
  { address, port }: MeshExternalServiceEndpoint,
  field: string,
): readonly Violation[] {
  const socket = unixSocketPath(address);
  if (socket !== undefined) {
    return /^\/[^\0]+$/.test(socket) && socket.length <= 107
      ? []
      : [
          {
            field: `${field}.address`,
            reason:
              "must name a socket by its whole path of at most 107 characters, as in unix:///run/app.sock",
          },
        ];
  }
  return [
    ...(isIp(address) || isHostName(address)
      ? []
      : [
          {
            field: `${field}.address`,
            reason: "address has to be a valid IP address, a domain name or a Unix socket (unix:///path)",
          },
        ]),
    ...(port === undefined ? [{ field: `${field}.port`, reason: "must be defined" }] : []),
  ];
}

function validateTls({ tls }: MeshExternalServiceSpec): readonly Violation[] {
  if (tls === undefined) return [];
  const { version, verification } = tls;
  const violations: Violation[] = [];
  const min = TLS_VERSIONS.indexOf(version?.min ?? "TLSAuto");
  const max = TLS_VERSIONS.indexOf(version?.max ?? "TLSAuto");
  if (min > 0 && max > 0 && min > max) {
    violations.push({ field: "spec.tls.version.min", reason: "min must be lower than or equal to max" });
  }
  if (verification === undefined) return violations;
  const at = "spec.tls.verification";
  const { serverName, subjectAltNames = [], caCert, clientCert, clientKey, mode } = verification;
  if (serverName !== undefined && !isHostName(serverName)) {
    violations.push({ field: `${at}.serverName`, reason: "must be a valid DNS name" });
  }
  for (const [index, { value }] of subjectAltNames.entries()) {
    if (value === "")
      violations.push({ field: `${at}.subjectAltNames[${index}].value`, reason: "cannot be empty" });
  }
  if (mode === "SkipSAN" || mode === "SkipAll") {
    if (subjectAltNames.length > 0) {
      violations.push({ field: `${at}.subjectAltNames`, reason: `must not be set when mode is ${mode}` });
    }
  }
  if ((mode === "SkipCA" || mode === "SkipAll") && caCert !== undefined) {
    violations.push({ field: `${at}.caCert`, reason: `must not be set when mode is ${mode}` });
  }
  const sources: Readonly<Record<string, DataSource | undefined>> = { caCert, clientCert, clientKey };
  for (const [key, source] of Object.entries(sources)) {
    if (source !== undefined) violations.push(...validateDataSource(source, `${at}.${key}`, SOURCES));
  }
  if ((clientCert === undefined) !== (clientKey === undefined)) {
    const absent = clientCert === undefined ? "clientCert" : "clientKey";
    violations.push({
      field: `${at}.${absent}`,
      reason: "must be defined: a client certificate needs clientCert and clientKey",
    });
  }
  return violations;
}

const SOURCES = "secret, inline or inlineString";
