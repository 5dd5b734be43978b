import { displayName, type Kri, LABEL, type Resource } from "@skein/model";
import type { ApiDeps } from "./deps.ts";

/** The stored resource that a KRI names, whatever name it is stored under here. Sections do not matter. */
export function resourceOfKri({ registry, store }: ApiDeps, kri: Kri): Resource | undefined {
  const kind = registry.byShortName(kri.shortName);
  if (!kind) return undefined;
  const mesh = kind.scope === "Mesh" ? kri.mesh : "";
  const isIt = (each: Resource) =>
    displayName(each) === kri.name &&
    (each.labels[LABEL.zone] ?? "") === kri.zone &&
    (each.labels[LABEL.kubernetesNamespace] ?? "") === kri.namespace;
  const named = store.get({ type: kind.type, mesh, name: kri.name });
  return named && isIt(named) ? named : store.list({ type: kind.type, mesh }).find(isIt);
}
