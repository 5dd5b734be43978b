import * as z from "zod";
import { secureDataSourceSchema, validateSecureDataSource } from "../data-source.ts";
import { duration, durationMs } from "../duration.ts";
import { conditionSchema, stringMap } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { validateMatchLabels } from "../labels.ts";
import { spiffePathProblem, trustDomainProblem } from "../spiffe.ts";
import { renderTemplate } from "../template.ts";
import type { Violation } from "../violation.ts";

const bundledSchema = z.object({
  meshTrustCreation: z.enum(["Enabled", "Disabled"]).optional(),
  insecureAllowSelfSigned: z.boolean().optional(),
  certificateParameters: z.object({ expiry: duration().optional() }).optional(),
  autogenerate: z.object({ enabled: z.boolean().optional() }).optional(),
  ca: z
    .object({ certificate: secureDataSourceSchema.optional(), privateKey: secureDataSourceSchema.optional() })
    .optional(),
});

const specSchema = z.object({
  selector: z.object({ dataplane: z.object({ matchLabels: stringMap().optional() }).optional() }).optional(),
  spiffeID: z.object({ trustDomain: z.string().optional(), path: z.string().optional() }).optional(),
  provider: z
    .object({
      type: z.enum(["Bundled", "Spire", "Extension"]),
      bundled: bundledSchema.optional(),
      spire: z.object({ agent: z.object({ timeout: duration().optional() }).optional() }).optional(),
      extension: z
        .object({ name: z.string().min(1, "cannot be empty"), config: z.unknown().optional() })
        .optional(),
    })
    .optional(),
});

const statusSchema = z.object({ conditions: z.array(conditionSchema).optional() });

/** What a MeshIdentity says: which proxies, which SPIFFE ID, which issuer. */
export type MeshIdentitySpec = z.infer<typeof specSchema>;
/** The settings of the bundled issuer. */
export type BundledProvider = z.infer<typeof bundledSchema>;
/** How far a MeshIdentity is from issuing. */
export type MeshIdentityStatus = z.infer<typeof statusSchema>;
/** A stored MeshIdentity. */
export type MeshIdentityResource = ResourceOf<typeof meshIdentityKind>;

/** The trust domain template where a MeshIdentity gives none. */
export const DEFAULT_TRUST_DOMAIN_TEMPLATE = "{{ .Mesh }}.{{ .Zone }}.mesh.local";
/** The SPIFFE path template on Universal where a MeshIdentity gives none. */
export const DEFAULT_UNIVERSAL_PATH_TEMPLATE = "/workload/{{ .Workload }}";
/** The SPIFFE path template on Kubernetes where a MeshIdentity gives none. */
export const DEFAULT_KUBERNETES_PATH_TEMPLATE = "/ns/{{ .Namespace }}/sa/{{ .ServiceAccount }}";
/** The life of a workload certificate where a MeshIdentity gives none. */
export const DEFAULT_CERTIFICATE_EXPIRY = "24h0m0s";

/** Gives SPIFFE IDs, and mostly certificates, to the proxies that its selector finds. */
export const meshIdentityKind = defineKind({
  type: "MeshIdentity",
  path: "meshidentities",
  shortName: "mid",
  scope: "Mesh",
  shape: "spec",
  hasStatus: true,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  cli: { singular: "meshidentity", plural: "meshidentities" },
  displayName: { singular: "Mesh Identity", plural: "Mesh Identities" },
  description: "Gives a SPIFFE ID and a certificate to the data plane proxies that its selector finds.",
  spec: specSchema,
  status: statusSchema,
  validate: ({ spec }) => [
    ...validateMatchLabels(spec.selector?.dataplane?.matchLabels, "spec.selector.dataplane.matchLabels"),
    ...validateSpiffeTemplates(spec.spiffeID),
    ...validateProvider(spec.provider),
  ],
});

function validateSpiffeTemplates(spiffeId: MeshIdentitySpec["spiffeID"]): readonly Violation[] {
  const checks = [
    {
      field: "spec.spiffeID.trustDomain",
      template: spiffeId?.trustDomain,
      variables: { Mesh: "mesh", Zone: "zone" },
      problem: trustDomainProblem,
    },
    {
      field: "spec.spiffeID.path",
      template: spiffeId?.path,
      variables: { TrustDomain: "td", Namespace: "ns", ServiceAccount: "sa", Workload: "wl" },
      problem: spiffePathProblem,
    },
  ];
  return checks.flatMap(({ field, template, variables, problem }) => {
    if (template === undefined) return [];
    const rendered = renderTemplate(template, variables, () => "label");
    const reason = rendered.ok ? problem(rendered.value) : rendered.error;
    return reason === undefined ? [] : [{ field, reason }];
  });
}

const PROVIDER_BLOCKS = { Bundled: "bundled", Spire: "spire", Extension: "extension" } as const;

function validateProvider(provider: MeshIdentitySpec["provider"]): readonly Violation[] {
  if (provider === undefined) return [];
  const wanted = PROVIDER_BLOCKS[provider.type];
  const violations: Violation[] = [];
  for (const block of Object.values(PROVIDER_BLOCKS)) {
    if (block !== wanted && provider[block] !== undefined) {
      violations.push({
        field: `spec.provider.${block}`,
        reason: `must not be set when type is ${provider.type}`,
      });
    }
  }
  if (provider.type !== "Spire" && provider[wanted] === undefined) {
    violations.push({
      field: `spec.provider.${wanted}`,
      reason: `must be defined when type is ${provider.type}`,
    });
  }
  if (provider.type === "Spire") {
    violations.push(...validatePositive(provider.spire?.agent?.timeout, "spec.provider.spire.agent.timeout"));
  }
  if (provider.type === "Bundled" && provider.bundled !== undefined) {
    violations.push(...validateBundled(provider.bundled, "spec.provider.bundled"));
  }
  return violations;
}

function validateBundled(bundled: BundledProvider, field: string): readonly Violation[] {
  const violations: Violation[] = [
    ...validatePositive(bundled.certificateParameters?.expiry, `${field}.certificateParameters.expiry`),
  ];
  if (bundled.autogenerate?.enabled === true) {
    if (bundled.ca !== undefined) {
      violations.push({ field: `${field}.ca`, reason: "must not be set when autogenerate is enabled" });
    }
    if (bundled.insecureAllowSelfSigned !== true) {
      violations.push({
        field: `${field}.insecureAllowSelfSigned`,
        reason: "self-signed certificates are not allowed; set it to true to use an autogenerated CA",
      });
    }
    return violations;
  }
  if (bundled.ca === undefined) {
    violations.push({ field: `${field}.ca`, reason: "must be defined when autogenerate is not enabled" });
    return violations;
  }
  for (const key of ["certificate", "privateKey"] as const) {
    const source = bundled.ca[key];
    if (source === undefined) violations.push({ field: `${field}.ca.${key}`, reason: "must be defined" });
    else violations.push(...validateSecureDataSource(source, `${field}.ca.${key}`));
  }
  return violations;
}

function validatePositive(value: string | undefined, field: string): readonly Violation[] {
  return value === undefined || durationMs(value) > 0 ? [] : [{ field, reason: "must be greater than 0" }];
}
