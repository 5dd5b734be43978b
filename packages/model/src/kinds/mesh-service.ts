import * as z from "zod";
import { conditionSchema, dataplaneProxiesSchema, port, stringMap, validateUnique } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { labelKeyProblems, labelValueProblems } from "../names.ts";
import { parseProtocol } from "../tags.ts";
import type { Violation } from "../violation.ts";

const portSchema = z.object({
  name: z.string().optional(),
  port: port(),
  targetPort: z.union([port(), z.string().min(1, "cannot be empty")]).optional(),
  appProtocol: z.string().default("tcp"),
});

const specSchema = z.object({
  state: z.enum(["Available", "Unavailable"]).default("Unavailable"),
  selector: z
    .object({
      dataplaneTags: stringMap().optional(),
      dataplaneRef: z.object({ name: z.string().optional() }).optional(),
      dataplaneLabels: z.object({ matchLabels: stringMap().optional() }).optional(),
    })
    .optional(),
  ports: z.array(portSchema).optional(),
  identities: z.array(z.object({ type: z.enum(["ServiceTag", "SpiffeID"]), value: z.string() })).optional(),
});

/** A reference from a service's status to the HostnameGenerator that acted. */
export const hostnameGeneratorRefSchema = z.object({ coreName: z.string() });

/** The hostnames of a service; shared by all destination kinds. */
export const serviceAddressSchema = z.object({
  hostname: z.string().optional(),
  origin: z.string().optional(),
  hostnameGeneratorRef: hostnameGeneratorRefSchema.optional(),
});

/** How each HostnameGenerator fared on a service; shared by all destination kinds. */
export const hostnameGeneratorStatusSchema = z.object({
  hostnameGeneratorRef: hostnameGeneratorRefSchema,
  conditions: z.array(conditionSchema).optional(),
});

const statusSchema = z.object({
  addresses: z.array(serviceAddressSchema).optional(),
  vips: z.array(z.object({ ip: z.string().optional() })).optional(),
  tls: z.object({ status: z.enum(["Ready", "NotReady"]).optional() }).optional(),
  hostnameGenerators: z.array(hostnameGeneratorStatusSchema).optional(),
  dataplaneProxies: dataplaneProxiesSchema.partial().optional(),
});

/** What a MeshService says: which proxies, on which ports. */
export type MeshServiceSpec = z.infer<typeof specSchema>;
/** One port of a MeshService. */
export type MeshServicePort = z.infer<typeof portSchema>;
/** What the control plane adds to a MeshService: hostnames, VIPs, readiness. */
export type MeshServiceStatus = z.infer<typeof statusSchema>;
/** One hostname of a service. */
export type ServiceAddress = z.infer<typeof serviceAddressSchema>;
/** How one HostnameGenerator fared on a service. */
export type HostnameGeneratorStatus = z.infer<typeof hostnameGeneratorStatusSchema>;
/** A stored MeshService. */
export type MeshServiceResource = ResourceOf<typeof meshServiceKind>;

/** A service of the mesh: a name for the proxies that a selector finds. */
export const meshServiceKind = defineKind({
  type: "MeshService",
  path: "meshservices",
  shortName: "msvc",
  scope: "Mesh",
  shape: "spec",
  hasStatus: true,
  writableOn: { global: false, zone: true },
  includeInFederation: false,
  hasSnis: true,
  cli: { singular: "meshservice", plural: "meshservices" },
  displayName: { singular: "Mesh Service", plural: "Mesh Services" },
  description: "A service of the mesh: a stable name and address for the proxies that its selector finds.",
  spec: specSchema,
  systemFields: ["state", "identities"],
  status: statusSchema,
  validate: ({ name, spec }) => [
    ...(name.length > 63 ? [{ field: "name", reason: "cannot be longer than 63 characters" }] : []),
    ...validateSelector(spec.selector),
    ...validateServicePorts(spec.ports ?? []),
    ...(spec.ports ?? []).flatMap((entry, index) =>
      validateTargetPort(entry, `spec.ports[${index}].targetPort`),
    ),
  ],
  deprecations: ({ spec }) => unknownProtocolWarnings(spec.ports ?? []),
  servicePorts: (spec) => spec.ports ?? [],
});

/** Violations of a service's ports: unique numbers and names; names as DNS labels. Shared by destination kinds. */
export function validateServicePorts(
  ports: readonly {
    readonly port: number;
    readonly name?: string | undefined;
    readonly appProtocol?: string;
  }[],
): readonly Violation[] {
  const at = (index: number): string => `spec.ports[${index}]`;
  return [
    ...validateUnique(
      ports,
      (entry) => String(entry.port),
      (index) => `${at(index)}.port`,
      (number) => `port ${number} is already defined`,
    ),
    ...validateUnique(
      ports,
      (entry) => (entry.name === "" ? undefined : entry.name),
      (index) => `${at(index)}.name`,
      (name) => `port name "${name}" is already defined`,
    ),
    ...ports.flatMap((entry, index) =>
      entry.name === undefined || entry.name === "" || SECTION_NAME.test(entry.name)
        ? []
        : [
            {
              field: `${at(index)}.name`,
              reason: "must consist of at most 63 lower case alphanumeric characters or '-', as a DNS label",
            },
          ],
    ),
  ];
}

const SECTION_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A sentence for every port whose protocol we carry as TCP because we do not know it. */
export function unknownProtocolWarnings(
  ports: readonly { readonly appProtocol: string }[],
): readonly string[] {
  return ports.flatMap((entry, index) =>
    parseProtocol(entry.appProtocol) === undefined
      ? [`spec.ports[${index}].appProtocol: "${entry.appProtocol}" is not known and is treated as tcp`]
      : [],
  );
}

function validateTargetPort(entry: MeshServicePort, field: string): readonly Violation[] {
  if (typeof entry.targetPort !== "string" || SECTION_NAME.test(entry.targetPort)) return [];
  return [{ field, reason: "must be a port number or the name of an inbound" }];
}

function validateSelector(selector: MeshServiceSpec["selector"]): readonly Violation[] {
  if (selector === undefined) return [];
  const set = (["dataplaneTags", "dataplaneRef", "dataplaneLabels"] as const).filter(
    (key) => selector[key] !== undefined,
  );
  if (set.length > 1) {
    return [{ field: "spec.selector", reason: `must have only one of ${set.join(", ")}` }];
  }
  if (selector.dataplaneRef !== undefined && (selector.dataplaneRef.name ?? "") === "") {
    return [{ field: "spec.selector.dataplaneRef.name", reason: "cannot be empty" }];
  }
  return Object.entries(selector.dataplaneLabels?.matchLabels ?? {}).flatMap(([key, value]) =>
    [...labelKeyProblems(key), ...labelValueProblems(value)].map((reason) => ({
      field: `spec.selector.dataplaneLabels.matchLabels[${JSON.stringify(key)}]`,
      reason,
    })),
  );
}
