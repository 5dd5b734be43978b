import type { KindDefinition } from "./kind.ts";
import { isDns1035Label, labelKeyProblems, labelValueProblems } from "./names.ts";
import type { Violation } from "./violation.ts";

/** The labels that Skein and Kuma give a meaning to. */
export const LABEL = {
  mesh: "kuma.io/mesh",
  origin: "kuma.io/origin",
  zone: "kuma.io/zone",
  env: "kuma.io/env",
  displayName: "kuma.io/display-name",
  proxyType: "kuma.io/proxy-type",
  listenerZoneIngress: "kuma.io/listener-zoneingress",
  listenerZoneEgress: "kuma.io/listener-zoneegress",
  workload: "kuma.io/workload",
  policyRole: "kuma.io/policy-role",
  effect: "kuma.io/effect",
  managedBy: "kuma.io/managed-by",
  deletionGracePeriodStartedAt: "kuma.io/deletion-grace-period-started-at",
  kubernetesNamespace: "k8s.kuma.io/namespace",
  kubernetesServiceAccount: "k8s.kuma.io/service-account",
  kubernetesServiceName: "k8s.kuma.io/service-name",
  kubernetesHeadlessService: "k8s.kuma.io/is-headless-service",
} as const;

/** Labels of a resource. */
export type Labels = Readonly<Record<string, string>>;

/** What a control plane is, as far as labels depend on it. */
export interface LabelContext {
  readonly mode: "zone" | "global";
  /** Name of this zone; `""` on a global control plane. */
  readonly zone: string;
  readonly environment: "universal" | "kubernetes";
  /** The zone has a global control plane. */
  readonly federated: boolean;
  /** `multizone.zone.disableOriginLabelValidation`. */
  readonly disableOriginValidation?: boolean;
}

/** A resource about to be written, as far as labels depend on it. */
export interface LabelSubject {
  readonly mesh: string;
  readonly labels: Labels;
  readonly spec: unknown;
}

/**
 * The full label set of a resource written through the API: the user's labels, those that say where it comes from
 * (never overriding the user's), and those that follow from the spec (overriding).
 */
export function computeLabels(kind: KindDefinition, resource: LabelSubject, context: LabelContext): Labels {
  const labels: Record<string, string> = { ...resource.labels };
  const add = (key: string, value: string): void => {
    if (value !== "") labels[key] ??= value;
  };
  if (kind.scope === "Mesh") add(LABEL.mesh, resource.mesh);
  if (context.mode === "zone" && kind.writableOn.zone) {
    add(LABEL.origin, "zone");
    if (labels[LABEL.origin] !== "global") {
      add(LABEL.zone, context.zone);
      add(LABEL.env, context.environment);
    }
  }
  for (const [key, value] of Object.entries(kind.computedLabels?.(resource.spec) ?? {})) {
    if (value === undefined) delete labels[key];
    else labels[key] = value;
  }
  return labels;
}

/** The path of a label in a violation. */
export function labelField(key: string, map = "labels"): string {
  return `${map}[${JSON.stringify(key)}]`;
}

/** Violations of the labels' grammar, one per problem. */
export function validateLabelSyntax(labels: Labels, map = "labels"): readonly Violation[] {
  return Object.entries(labels).flatMap(([key, value]) =>
    [...labelKeyProblems(key), ...labelValueProblems(value)].map((reason) => ({
      field: labelField(key, map),
      reason,
    })),
  );
}

/** Violations of a selector's `matchLabels`. */
export function validateMatchLabels(labels: Labels | undefined, field: string): readonly Violation[] {
  return validateLabelSyntax(labels ?? {}, field);
}

/** What a request's labels may not say on this control plane: origin, zone, and mesh. Syntax is not checked here. */
export function validateLabels(
  kind: KindDefinition,
  resource: LabelSubject,
  context: LabelContext,
): readonly Violation[] {
  const { labels } = resource;
  const origin = labels[LABEL.origin];
  const violations: Violation[] = [];
  const add = (key: string, reason: string): void => {
    violations.push({ field: labelField(key), reason });
  };
  if (origin !== undefined && origin !== "global" && origin !== "zone") {
    add(LABEL.origin, `unknown resource origin "${origin}"`);
    return violations;
  }
  violations.push(...validateOrigin(kind, labels, context, labelField(LABEL.origin)));
  if (context.mode === "zone" && origin !== "global") {
    const zone = labels[LABEL.zone];
    if (zone !== undefined && zone !== context.zone) {
      add(LABEL.zone, `${LABEL.zone} label should have ${context.zone} value`);
    }
    const mesh = labels[LABEL.mesh];
    if (kind.scope === "Mesh" && mesh !== undefined && mesh !== resource.mesh) {
      add(LABEL.mesh, `${LABEL.mesh} label must not differ from mesh set on resource`);
    }
  }
  return violations;
}

/** Whether this control plane may write or delete a resource of this origin; the one label check that DELETE makes. */
export function validateOrigin(
  kind: KindDefinition,
  labels: Labels,
  context: LabelContext,
  field = `["${LABEL.origin}"]`,
): readonly Violation[] {
  if (context.disableOriginValidation === true) return [];
  const origin = labels[LABEL.origin];
  if (context.mode === "global" && origin !== undefined && origin !== "global") {
    return [{ field, reason: "the origin label must be set to 'global'" }];
  }
  if (context.mode === "zone" && context.federated && kind.shape === "spec" && origin !== "zone") {
    return [{ field, reason: "the origin label must be set to 'zone'" }];
  }
  return [];
}

const IMMUTABLE = [LABEL.origin, LABEL.zone, LABEL.displayName] as const;

/** Labels that an update would change but may not. Both sets are computed ones; adding a label is allowed. */
export function validateImmutableLabels(before: Labels, after: Labels): readonly Violation[] {
  return IMMUTABLE.flatMap((key) => {
    const old = before[key];
    const now = after[key];
    if (old === undefined || old === now) return [];
    const reason =
      now === undefined
        ? `is immutable, cannot be removed (was "${old}")`
        : `is immutable, cannot be changed from "${old}" to "${now}"`;
    return [{ field: labelField(key), reason }];
  });
}

/** A new Dataplane's `kuma.io/workload` names a Workload and a certificate path, so it must be a DNS-1035 label. */
export function validateWorkloadLabel(labels: Labels): readonly Violation[] {
  const workload = labels[LABEL.workload];
  if (workload === undefined || isDns1035Label(workload)) return [];
  return [
    {
      field: labelField(LABEL.workload),
      reason:
        "must be a DNS-1035 label: at most 63 lower case alphanumeric characters or '-', starting with a letter and ending with an alphanumeric character",
    },
  ];
}
