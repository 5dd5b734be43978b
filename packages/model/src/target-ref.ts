import * as z from "zod";
import { port, stringMap } from "./fields.ts";
import { validateMatchLabels } from "./labels.ts";
import { isDnsSubdomain } from "./names.ts";
import { spiffeIdProblem } from "./spiffe.ts";
import { validateTags } from "./tags.ts";
import type { Violation } from "./violation.ts";

/** Every kind a targetRef may name, from the least to the most specific: later ones are merged later and win. */
export const TARGET_REF_KINDS = [
  "Mesh",
  "Dataplane",
  "MeshSubset",
  "MeshGateway",
  "MeshService",
  "MeshExternalService",
  "MeshMultiZoneService",
  "MeshServiceSubset",
  "MeshHTTPRoute",
] as const;

/** A kind that a targetRef may name. */
export type TargetRefKind = (typeof TARGET_REF_KINDS)[number];

const targetRefFields = {
  kind: z.enum(TARGET_REF_KINDS),
  name: z.string().optional(),
  namespace: z.string().optional(),
  labels: stringMap().optional(),
  tags: stringMap().optional(),
  sectionName: z.string().optional(),
  proxyTypes: z.array(z.enum(["Sidecar", "Gateway"])).optional(),
  mesh: z.string().optional(),
};

/** A reference from a policy to what it applies to, or to where traffic goes. */
export const targetRefSchema = z.object(targetRefFields);

/** A reference from a policy to what it applies to, or to where traffic goes. */
export type TargetRef = z.infer<typeof targetRefSchema>;

/** A destination of a route, with its share of the traffic. */
export const backendRefSchema = z.object({
  ...targetRefFields,
  weight: z.int().min(0, "must not be negative").default(1),
  port: port().optional(),
});

/** A destination of a route, with its share of the traffic. */
export type BackendRef = z.infer<typeof backendRefSchema>;

/** Who calls, or what name they ask for; both set means both must match. */
export const matchSchema = z.object({
  spiffeID: z.object({ type: z.enum(["Exact", "Prefix"]), value: z.string() }).optional(),
  sni: z.object({ type: z.enum(["Exact"]), value: z.string() }).optional(),
});

/** One entry of `matches` in an inbound rule. */
export type Match = z.infer<typeof matchSchema>;

/** The specificity of a kind, 1 (Mesh) to 9 (MeshHTTPRoute). */
export function targetRefOrder(kind: TargetRefKind): number {
  return TARGET_REF_KINDS.indexOf(kind) + 1;
}

/** What a targetRef may say at the place where it stands. */
export interface TargetRefRules {
  /** Path of the reference: `spec.targetRef`, `spec.to[0].targetRef`. */
  readonly path: string;
  /** The kinds that this place accepts. */
  readonly kinds: readonly TargetRefKind[];
  /** A Dataplane may name one of its sections: the policy affects inbounds. */
  readonly dataplaneSection?: boolean;
  /** A MeshGateway may be narrowed by listener tags. */
  readonly gatewayTags?: boolean;
}

type Field = "name" | "namespace" | "labels" | "tags" | "sectionName" | "proxyTypes";

const FIELDS: readonly Field[] = ["name", "namespace", "labels", "tags", "sectionName", "proxyTypes"];

const ALLOWED: Readonly<Record<TargetRefKind, readonly Field[]>> = {
  Mesh: ["proxyTypes"],
  Dataplane: ["name", "namespace", "labels", "sectionName"],
  MeshSubset: ["tags", "proxyTypes"],
  MeshGateway: ["name", "tags"],
  MeshService: ["name", "namespace", "labels", "sectionName"],
  MeshExternalService: ["name", "namespace", "labels"],
  MeshMultiZoneService: ["name", "namespace", "labels", "sectionName"],
  MeshServiceSubset: ["name", "tags"],
  MeshHTTPRoute: ["name", "namespace", "labels"],
};

const NAME_REQUIRED: readonly TargetRefKind[] = ["MeshGateway", "MeshServiceSubset"];
const NAME_OR_LABELS: readonly TargetRefKind[] = [
  "MeshService",
  "MeshExternalService",
  "MeshMultiZoneService",
  "MeshHTTPRoute",
];

/** Violations of one reference: its kind, the fields that go with it, and their values. */
export function validateTargetRef(ref: TargetRef, rules: TargetRefRules): readonly Violation[] {
  const { path } = rules;
  if (!rules.kinds.includes(ref.kind)) {
    return [
      { field: `${path}.kind`, reason: `value is not supported, must be one of ${rules.kinds.join(", ")}` },
    ];
  }
  return [
    ...validateAllowedFields(ref, rules),
    ...validateRequiredFields(ref, path),
    ...validateValues(ref, path),
  ];
}

function isSet(ref: TargetRef, field: Field): boolean {
  const value = ref[field];
  if (value === undefined || value === "") return false;
  return typeof value === "string" || Array.isArray(value) || Object.keys(value).length > 0;
}

function validateAllowedFields(ref: TargetRef, rules: TargetRefRules): readonly Violation[] {
  const { path } = rules;
  const violations: Violation[] = [];
  for (const field of FIELDS) {
    if (!isSet(ref, field)) continue;
    if (!ALLOWED[ref.kind].includes(field)) {
      violations.push({ field: `${path}.${field}`, reason: `must not be set with kind ${ref.kind}` });
    } else if (field === "sectionName" && ref.kind === "Dataplane" && rules.dataplaneSection !== true) {
      violations.push({
        field: `${path}.sectionName`,
        reason: "can only be used with kind Dataplane in a policy that affects inbounds",
      });
    } else if (field === "tags" && ref.kind === "MeshGateway" && rules.gatewayTags !== true) {
      violations.push({ field: `${path}.tags`, reason: "must not be set with kind MeshGateway here" });
    }
  }
  if (ref.mesh !== undefined && ref.mesh !== "") {
    violations.push({
      field: `${path}.mesh`,
      reason: `must not be set with kind ${ref.kind}, a policy refers to its own mesh`,
    });
  }
  return violations;
}

function validateRequiredFields(ref: TargetRef, path: string): readonly Violation[] {
  const violations: Violation[] = [];
  const labelled = Object.keys(ref.labels ?? {}).length > 0;
  if (NAME_REQUIRED.includes(ref.kind) && !isSet(ref, "name")) {
    violations.push({ field: `${path}.name`, reason: `must be set with kind ${ref.kind}` });
  }
  if (NAME_OR_LABELS.includes(ref.kind) && !isSet(ref, "name") && !labelled) {
    violations.push({ field: path, reason: `must have name or labels with kind ${ref.kind}` });
  }
  if (labelled && (isSet(ref, "name") || isSet(ref, "namespace")) && ALLOWED[ref.kind].includes("labels")) {
    violations.push({
      field: `${path}.labels`,
      reason: "either labels or name and namespace can be set, not both",
    });
  } else if (NAME_OR_LABELS.includes(ref.kind) && isSet(ref, "namespace") && !isSet(ref, "name")) {
    violations.push({ field: `${path}.namespace`, reason: "can only be set together with name" });
  }
  return violations;
}

function validateValues(ref: TargetRef, path: string): readonly Violation[] {
  const violations: Violation[] = [];
  if (ref.name !== undefined && ref.name !== "" && !/^[0-9a-z.\-_]*$/.test(ref.name)) {
    violations.push({
      field: `${path}.name`,
      reason: "invalid characters: must consist of lower case latin letters, digits, '-', '_' and '.'",
    });
  }
  if (ref.proxyTypes !== undefined && ref.proxyTypes.length === 0) {
    violations.push({ field: `${path}.proxyTypes`, reason: "must have at least one of Sidecar, Gateway" });
  }
  violations.push(...validateMatchLabels(ref.labels, `${path}.labels`));
  violations.push(...validateTags(ref.tags ?? {}, `${path}.tags`, { wildcard: true }));
  return violations;
}

/** Violations of one destination of a route. `kinds` are the kinds that this place accepts. */
export function validateBackendRef(
  ref: BackendRef,
  rules: { readonly path: string; readonly kinds: readonly TargetRefKind[] },
): readonly Violation[] {
  const violations = [...validateTargetRef(ref, rules)];
  if (ref.kind === "MeshMultiZoneService" && ref.port === undefined && rules.kinds.includes(ref.kind)) {
    violations.push({ field: `${rules.path}.port`, reason: "must be set with kind MeshMultiZoneService" });
  }
  return violations;
}

/** Violations of one entry of `matches`; an empty entry is one, for it would match nothing or everything. */
export function validateMatch(match: Match, path: string): readonly Violation[] {
  const violations: Violation[] = [];
  if (match.spiffeID === undefined && match.sni === undefined) {
    violations.push({ field: path, reason: "at least one of spiffeID or sni must be set" });
  }
  if (match.spiffeID !== undefined) {
    const problem = spiffeIdProblem(match.spiffeID.value);
    if (problem !== undefined) violations.push({ field: `${path}.spiffeID.value`, reason: problem });
  }
  if (match.sni !== undefined && !isDnsSubdomain(match.sni.value)) {
    violations.push({ field: `${path}.sni.value`, reason: "must be a DNS name in lower case" });
  }
  return violations;
}
