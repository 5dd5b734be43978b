import type { KindDefinition } from "@skein/model";
import type { FastifyInstance } from "fastify";
import type { ApiDeps } from "./deps.ts";
import { getResource, listResources } from "./read.ts";
import type { Source } from "./source.ts";
import { deleteResource, putResource } from "./write.ts";
import { isWritable, notWritable } from "./write-rules.ts";

/** List, get, put and delete of every kind in the registry, under every path that it has. */
export function registerKinds(app: FastifyInstance, deps: ApiDeps, source: Source): void {
  for (const kind of deps.registry.kinds) {
    for (const path of [kind.path, ...(kind.alternativePaths ?? [])])
      registerKind(app, deps, source, kind, path);
  }
}

/** Where the resources of a kind are, below the base path. */
export function collectionPath(kind: KindDefinition, path = kind.path): string {
  return kind.scope === "Mesh" ? `/meshes/:mesh/${path}` : `/${path}`;
}

function registerKind(
  app: FastifyInstance,
  deps: ApiDeps,
  source: Source,
  kind: KindDefinition,
  path: string,
): void {
  const collection = collectionPath(kind, path);
  const item = `${collection}/:name`;
  app.get(collection, listResources(deps, source, kind, kind.scope === "Mesh"));
  if (kind.scope === "Mesh") app.get(`/${path}`, listResources(deps, source, kind, false));
  app.get(item, getResource(deps, source, kind));
  if (isWritable(kind, deps.settings)) {
    app.put(item, putResource(deps, kind));
    app.delete(item, deleteResource(deps, kind));
    return;
  }
  const refuse = async () => {
    throw notWritable(kind, deps.settings);
  };
  app.put(item, { config: { isPublic: true } }, refuse);
  app.delete(item, { config: { isPublic: true } }, refuse);
}
