import * as z from "zod";
import { stringMap } from "../fields.ts";
import { defineKind, type ResourceOf } from "../kind.ts";
import { validateMatchLabels } from "../labels.ts";
import { isDnsSubdomain } from "../names.ts";
import { renderTemplate } from "../template.ts";
import type { Violation } from "../violation.ts";

const labelSelector = () => z.object({ matchLabels: stringMap().optional() }).optional();

const specSchema = z.object({
  selector: z
    .object({
      meshService: labelSelector(),
      meshExternalService: labelSelector(),
      meshMultiZoneService: labelSelector(),
    })
    .optional(),
  template: z.string(),
  extension: z
    .object({ type: z.string().min(1, "cannot be empty"), config: z.unknown().optional() })
    .optional(),
});

/** What a HostnameGenerator says: which services, which names. */
export type HostnameGeneratorSpec = z.infer<typeof specSchema>;
/** A stored HostnameGenerator. */
export type HostnameGeneratorResource = ResourceOf<typeof hostnameGeneratorKind>;

/** Gives hostnames to the services that its selector finds. */
export const hostnameGeneratorKind = defineKind({
  type: "HostnameGenerator",
  path: "hostnamegenerators",
  shortName: "hg",
  scope: "Global",
  shape: "spec",
  hasStatus: false,
  writableOn: { global: true, zone: true },
  includeInFederation: true,
  cli: { singular: "hostnamegenerator", plural: "hostnamegenerators" },
  displayName: { singular: "Hostname Generator", plural: "Hostname Generators" },
  description: "Gives hostnames to the services that its selector finds, from a template.",
  spec: specSchema,
  validate: ({ spec }) => [...validateSelector(spec.selector), ...validateTemplate(spec)],
});

const SELECTORS = ["meshService", "meshExternalService", "meshMultiZoneService"] as const;

function validateSelector(selector: HostnameGeneratorSpec["selector"]): readonly Violation[] {
  const set = SELECTORS.filter((key) => selector?.[key] !== undefined);
  if (set.length !== 1) {
    return [{ field: "spec.selector", reason: `must have exactly one of ${SELECTORS.join(", ")}` }];
  }
  return set.flatMap((key) =>
    validateMatchLabels(selector?.[key]?.matchLabels, `spec.selector.${key}.matchLabels`),
  );
}

function validateTemplate(spec: HostnameGeneratorSpec): readonly Violation[] {
  const field = "spec.template";
  if (spec.template === "") {
    return spec.extension === undefined ? [{ field, reason: "cannot be empty" }] : [];
  }
  const stubs = { Name: "name", DisplayName: "name", Namespace: "namespace", Mesh: "mesh", Zone: "zone" };
  const rendered = renderTemplate(spec.template, stubs, () => "label");
  if (!rendered.ok) return [{ field, reason: rendered.error }];
  return isDnsSubdomain(rendered.value)
    ? []
    : [{ field, reason: `must give a host name in lower case, but would give "${rendered.value}"` }];
}
