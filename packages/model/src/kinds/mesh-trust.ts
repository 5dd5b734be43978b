import * as z from "zod";
import { defineKind, type ResourceOf } from "../kind.ts";
import { pemCertificateProblem } from "../pem.ts";
import { trustDomainProblem } from "../spiffe.ts";
import type { Violation } from "../violation.ts";

const originSchema = z.object({ kri: z.string().optional() });

const specSchema = z.object({
  trustDomain: z.string().max(253, "cannot be longer than 253 characters"),
  caBundles: z
    .array(z.object({ type: z.enum(["Pem"]), pem: z.object({ value: z.string() }).optional() }))
    .min(1, "must have at least one CA bundle"),
  origin: originSchema.optional(),
});

const statusSchema = z.object({ origin: originSchema.optional() });

/** What a MeshTrust says: the CAs of one trust domain. */
export type MeshTrustSpec = z.infer<typeof specSchema>;
/** Which MeshIdentity made a MeshTrust. */
export type MeshTrustStatus = z.infer<typeof statusSchema>;
/** A stored MeshTrust. */
export type MeshTrustResource = ResourceOf<typeof meshTrustKind>;

/** The CAs that the mesh's proxies trust for one SPIFFE trust domain. */
export const meshTrustKind = defineKind({
  type: "MeshTrust",
  path: "meshtrusts",
  shortName: "mtrust",
  scope: "Mesh",
  shape: "spec",
  hasStatus: true,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  cli: { singular: "meshtrust", plural: "meshtrusts" },
  displayName: { singular: "Mesh Trust", plural: "Mesh Trusts" },
  description: "The CA bundles that the proxies of a mesh trust for one SPIFFE trust domain.",
  spec: specSchema,
  status: statusSchema,
  validate: ({ spec }) => {
    const problem = trustDomainProblem(spec.trustDomain);
    return [
      ...(problem === undefined ? [] : [{ field: "spec.trustDomain", reason: problem }]),
      ...spec.caBundles.flatMap((bundle, index) => validateBundle(bundle, `spec.caBundles[${index}]`)),
    ];
  },
  deprecations: ({ spec }) =>
    spec.origin === undefined
      ? []
      : ["spec.origin is deprecated and has no effect; read status.origin instead"],
});

function validateBundle(bundle: MeshTrustSpec["caBundles"][number], field: string): readonly Violation[] {
  if (bundle.pem === undefined)
    return [{ field: `${field}.pem`, reason: "must be defined when type is Pem" }];
  const problem = pemCertificateProblem(bundle.pem.value);
  return problem === undefined ? [] : [{ field: `${field}.pem.value`, reason: problem }];
}
