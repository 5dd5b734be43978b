import type { KindDefinition, Resource, ResourceKey } from "@skein/model";
import { meshInsightSpec } from "../insights/mesh-insight.ts";
import { serviceInsights } from "../insights/service-insight.ts";
import type { ApiDeps } from "./deps.ts";
import { notFound, titles } from "./problem.ts";

/**
 * Where the resources that the API shows come from: the store, and for insights over whole meshes a computation from
 * it, done once per revision of the store.
 */
export interface Source {
  get(kind: KindDefinition, mesh: string, name: string): Resource | undefined;
  /** Sorted by mesh, then name. */
  list(kind: KindDefinition, mesh?: string): readonly Resource[];
}

/** The source over the store of `deps`. */
export function createSource(deps: ApiDeps): Source {
  const { store, registry, settings } = deps;
  const meshes = (): readonly Resource[] => store.list({ type: "Mesh" });
  const serviceInsight = cachedByMesh(deps, (mesh) =>
    [...serviceInsights(store, mesh.name, settings)].map(([name, spec]) => ({
      ...mesh,
      type: "ServiceInsight",
      mesh: mesh.name,
      name,
      labels: {},
      spec,
    })),
  );
  const meshInsight = cachedByMesh(deps, (mesh) => [
    {
      ...mesh,
      type: "MeshInsight",
      labels: {},
      spec: meshInsightSpec(store, registry.kinds, mesh.name, serviceInsight(mesh).length),
    },
  ]);
  const computed = (kind: KindDefinition): ((mesh: Resource) => readonly Resource[]) | undefined => {
    if (kind.type === "MeshInsight") return meshInsight;
    return kind.type === "ServiceInsight" ? serviceInsight : undefined;
  };
  return {
    get(kind, mesh, name) {
      const compute = computed(kind);
      if (!compute) return store.get({ type: kind.type, mesh, name });
      const of = store.get({ type: "Mesh", mesh: "", name: kind.scope === "Mesh" ? mesh : name });
      return of && compute(of).find((each) => each.name === name);
    },
    list(kind, mesh) {
      const compute = computed(kind);
      if (!compute) return store.list({ type: kind.type, ...(mesh === undefined ? {} : { mesh }) });
      return meshes()
        .filter(({ name }) => mesh === undefined || name === mesh)
        .flatMap(compute);
    },
  };
}

/**
 * The Mesh of a URL.
 * @throws Problem 404
 */
export function requireMesh({ store }: ApiDeps, mesh: string): Resource {
  const found = store.get(meshKeyOf(mesh));
  if (!found) throw notFound(titles.mesh);
  return found;
}

function meshKeyOf(name: string): ResourceKey {
  return { type: "Mesh", mesh: "", name };
}

function cachedByMesh(
  { store }: ApiDeps,
  compute: (mesh: Resource) => readonly Resource[],
): (mesh: Resource) => readonly Resource[] {
  let revision = -1;
  const cache = new Map<string, readonly Resource[]>();
  return (mesh) => {
    if (revision !== store.revision) cache.clear();
    revision = store.revision;
    const known = cache.get(mesh.name);
    if (known) return known;
    const made = compute(mesh);
    cache.set(mesh.name, made);
    return made;
  };
}
