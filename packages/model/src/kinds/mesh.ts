import * as z from "zod";
import { dataSourceSchema, validateDataSource } from "../data-source.ts";
import { calendarDuration, protoDuration } from "../duration.ts";
import { optionalPort, stringMap, validateUnique } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { prometheusConfSchema, validatePrometheusConf } from "../prometheus-conf.ts";
import { validateTags } from "../tags.ts";
import type { Violation } from "../violation.ts";

const mtlsBackendSchema = z.object({
  name: z.string().optional(),
  type: z.enum(["builtin", "provided"]),
  mode: z.enum(["STRICT", "PERMISSIVE"]).optional(),
  dpCert: z
    .object({
      rotation: z.object({ expiration: calendarDuration().optional() }).optional(),
      requestTimeout: protoDuration().optional(),
    })
    .optional(),
  rootChain: z.object({ requestTimeout: protoDuration().optional() }).optional(),
  conf: z
    .object({
      caCert: z
        .object({
          RSAbits: z.int().optional(),
          rsaBits: z.int().optional(),
          expiration: calendarDuration().optional(),
        })
        .optional(),
      cert: dataSourceSchema.optional(),
      key: dataSourceSchema.optional(),
    })
    .optional(),
});

const tagSetsSchema = z.array(z.object({ tags: stringMap().optional() }));

const specSchema = z.object({
  mtls: z
    .object({
      enabledBackend: z.string().optional(),
      backends: z.array(mtlsBackendSchema).optional(),
      skipValidation: z.boolean().optional(),
    })
    .optional(),
  tracing: z
    .object({
      defaultBackend: z.string().optional(),
      backends: z
        .array(
          z.object({
            name: z.string().optional(),
            type: z.enum(["zipkin", "datadog"]),
            sampling: z.number().min(0).max(100).optional(),
            conf: z
              .object({
                url: z.string().optional(),
                traceId128bit: z.boolean().optional(),
                apiVersion: z.enum(["httpJson", "httpJsonV1", "httpProto"]).optional(),
                sharedSpanContext: z.boolean().optional(),
                address: z.string().optional(),
                port: optionalPort(),
                splitService: z.boolean().optional(),
              })
              .optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  logging: z
    .object({
      defaultBackend: z.string().optional(),
      backends: z
        .array(
          z.object({
            name: z.string().optional(),
            type: z.enum(["file", "tcp"]),
            format: z.string().optional(),
            conf: z.object({ path: z.string().optional(), address: z.string().optional() }).optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  metrics: z
    .object({
      enabledBackend: z.string().optional(),
      backends: z
        .array(
          z.object({
            name: z.string().optional(),
            type: z.enum(["prometheus"]),
            conf: prometheusConfSchema.optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  networking: z.object({ outbound: z.object({ passthrough: z.boolean().optional() }).optional() }).optional(),
  routing: z
    .object({
      localityAwareLoadBalancing: z.boolean().optional(),
      zoneEgress: z.boolean().optional(),
      defaultForbidMeshExternalServiceAccess: z.boolean().optional(),
    })
    .optional(),
  constraints: z
    .object({
      dataplaneProxy: z
        .object({ requirements: tagSetsSchema.optional(), restrictions: tagSetsSchema.optional() })
        .optional(),
    })
    .optional(),
  skipCreatingInitialPolicies: z.array(z.string()).optional(),
  meshServices: z
    .object({ mode: z.enum(["Disabled", "Everywhere", "ReachableBackends", "Exclusive"]).optional() })
    .optional(),
});

/** The fields of a Mesh beside `type` and `name`. */
export type MeshSpec = z.infer<typeof specSchema>;
/** One entry of `mtls.backends`. */
export type MeshMtlsBackend = z.infer<typeof mtlsBackendSchema>;
/** A stored Mesh. */
export type MeshResource = ResourceOf<typeof meshKind>;

/** The backend that `mtls.enabledBackend` names; `undefined` where the mesh has no mTLS of its own. */
export function enabledMtlsBackend(spec: MeshSpec): MeshMtlsBackend | undefined {
  const name = spec.mtls?.enabledBackend;
  if (name === undefined || name === "") return undefined;
  return spec.mtls?.backends?.find((backend) => backend.name === name);
}

/** A mesh: the boundary of trust, policies and names. */
export const meshKind = defineKind({
  type: "Mesh",
  path: "meshes",
  shortName: "m",
  scope: "Global",
  shape: "flat",
  hasStatus: false,
  writableOn: { global: true, zone: false },
  includeInFederation: true,
  cli: { singular: "mesh", plural: "meshes" },
  displayName: { singular: "Mesh", plural: "Meshes" },
  description: "A service mesh: the boundary of trust, policies and names for its data plane proxies.",
  spec: specSchema,
  validate: ({ name, spec }) => [
    ...(name.length > 63 ? [{ field: "name", reason: "cannot be longer than 63 characters" }] : []),
    ...validateMtls(spec.mtls),
    ...validateBackends("logging", "defaultBackend", spec.logging?.defaultBackend, spec.logging?.backends),
    ...validateLogging(spec.logging),
    ...validateBackends("tracing", "defaultBackend", spec.tracing?.defaultBackend, spec.tracing?.backends),
    ...validateTracing(spec.tracing),
    ...validateBackends("metrics", "enabledBackend", spec.metrics?.enabledBackend, spec.metrics?.backends),
    ...(spec.metrics?.backends ?? []).flatMap((backend, index) =>
      validatePrometheusConf(backend.conf, `metrics.backends[${index}].conf`),
    ),
    ...validateConstraints(spec.constraints),
  ],
});

function validateBackends(
  section: string,
  selector: string,
  selected: string | undefined,
  backends: readonly { readonly name?: string | undefined }[] = [],
): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [index, backend] of backends.entries()) {
    if (backend.name === undefined || backend.name === "") {
      violations.push({ field: `${section}.backends[${index}].name`, reason: "cannot be empty" });
    }
  }
  violations.push(
    ...validateUnique(
      backends,
      (backend) => backend.name,
      (index) => `${section}.backends[${index}].name`,
      (name) => `"${name}" name is already used for another backend`,
    ),
  );
  if (selected !== undefined && selected !== "" && !backends.some((backend) => backend.name === selected)) {
    violations.push({
      field: `${section}.${selector}`,
      reason: "has to be set to one of the backends in the mesh",
    });
  }
  return violations;
}

function validateMtls(mtls: MeshSpec["mtls"]): readonly Violation[] {
  const conf = (mtls?.backends ?? []).flatMap((backend, index) => {
    const field = `mtls.backends[${index}].conf`;
    return backend.type === "provided" ? validateProvided(backend, field) : validateBuiltin(backend, field);
  });
  return [...validateBackends("mtls", "enabledBackend", mtls?.enabledBackend, mtls?.backends), ...conf];
}

function validateProvided(backend: MeshMtlsBackend, field: string): readonly Violation[] {
  return [
    ...validateDataSource(backend.conf?.cert, `${field}.cert`),
    ...validateDataSource(backend.conf?.key, `${field}.key`),
    ...unexpected(backend, field, ["caCert"]),
  ];
}

function validateBuiltin(backend: MeshMtlsBackend, field: string): readonly Violation[] {
  const bits = backend.conf?.caCert?.rsaBits ?? backend.conf?.caCert?.RSAbits;
  const badBits = bits !== undefined && bits !== 0 && (bits < 2048 || bits > 16384);
  return [
    ...(badBits ? [{ field: `${field}.caCert.rsaBits`, reason: "must be in the range [2048, 16384]" }] : []),
    ...unexpected(backend, field, ["cert", "key"]),
  ];
}

function unexpected(
  backend: MeshMtlsBackend,
  field: string,
  keys: readonly ("caCert" | "cert" | "key")[],
): readonly Violation[] {
  return keys
    .filter((key) => backend.conf?.[key] !== undefined)
    .map((key) => ({ field: `${field}.${key}`, reason: `must not be set when type is ${backend.type}` }));
}

function validateLogging(logging: MeshSpec["logging"]): readonly Violation[] {
  return (logging?.backends ?? []).flatMap((backend, index) => {
    const key = backend.type === "file" ? "path" : "address";
    const value = backend.conf?.[key];
    const field = `logging.backends[${index}].conf.${key}`;
    if (value === undefined || value === "") return [{ field, reason: "cannot be empty" }];
    if (key === "address" && !/^.+:[0-9]{1,5}$/.test(value)) {
      return [{ field, reason: "has to be in format of HOST:PORT" }];
    }
    return [];
  });
}

function validateTracing(tracing: MeshSpec["tracing"]): readonly Violation[] {
  return (tracing?.backends ?? []).flatMap((backend, index) => {
    const field = `tracing.backends[${index}].conf`;
    if (backend.type === "zipkin") {
      return URL.canParse(backend.conf?.url ?? "")
        ? []
        : [
            {
              field: `${field}.url`,
              reason: "must be an absolute URL such as http://zipkin:9411/api/v2/spans",
            },
          ];
    }
    return [
      ...((backend.conf?.address ?? "") === ""
        ? [{ field: `${field}.address`, reason: "cannot be empty" }]
        : []),
      ...((backend.conf?.port ?? 0) === 0
        ? [{ field: `${field}.port`, reason: "port must be in the range [1, 65535]" }]
        : []),
    ];
  });
}

function validateConstraints(constraints: MeshSpec["constraints"]): readonly Violation[] {
  const rules = constraints?.dataplaneProxy;
  return (["requirements", "restrictions"] as const).flatMap((list) =>
    (rules?.[list] ?? []).flatMap((entry, index) => {
      const field = `constraints.dataplaneProxy.${list}[${index}].tags`;
      const tags = entry.tags ?? {};
      return Object.keys(tags).length === 0
        ? [{ field, reason: "must have at least one tag" }]
        : validateTags(tags, field, { wildcard: true });
    }),
  );
}
