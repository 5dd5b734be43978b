import type { KindDefinition } from "./kind.ts";
import { LABEL } from "./labels.ts";
import type { ResourceKey } from "./resource.ts";

/** A Kuma resource identifier, taken apart. Empty parts do not apply. */
export interface Kri {
  readonly shortName: string;
  /** `""` for kinds of global scope. */
  readonly mesh: string;
  /** `""` where the resource was made on a global control plane. */
  readonly zone: string;
  /** Kubernetes namespace; `""` on Universal. */
  readonly namespace: string;
  readonly name: string;
  /** A part of the resource: a port, an inbound, a rule of a route; `""` for the whole. */
  readonly section: string;
}

/** `kri_<short>_<mesh>_<zone>_<namespace>_<name>_<section>`. */
export function formatKri(kri: Kri): string {
  return `kri_${kri.shortName}_${kri.mesh}_${kri.zone}_${kri.namespace}_${kri.name}_${kri.section}`;
}

/** The parts of a KRI; `undefined` where the text is not one. Pieces beyond the section are joined to it. */
export function parseKri(text: string): Kri | undefined {
  const [scheme, shortName = "", mesh = "", zone = "", namespace = "", name = "", ...section] =
    text.split("_");
  if (scheme !== "kri" || section.length === 0 || shortName === "") return undefined;
  return { shortName, mesh, zone, namespace, name, section: section.join("") };
}

/** The name by which a resource is known in every zone: its display-name label, else the name it is stored under. */
export function displayName(resource: {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}): string {
  const label = resource.labels[LABEL.displayName];
  return label === undefined || label === "" ? resource.name : label;
}

/** The KRI of a resource, or of one section of it; `undefined` for kinds without a short name. */
export function kriOf(
  kind: Pick<KindDefinition, "shortName" | "scope">,
  resource: Pick<ResourceKey, "mesh" | "name"> & { readonly labels: Readonly<Record<string, string>> },
  section = "",
): string | undefined {
  if (kind.shortName === undefined) return undefined;
  return formatKri({
    shortName: kind.shortName,
    mesh: kind.scope === "Mesh" ? resource.mesh : "",
    zone: resource.labels[LABEL.zone] ?? "",
    namespace: resource.labels[LABEL.kubernetesNamespace] ?? "",
    name: displayName(resource),
    section,
  });
}
