import { kriOf, type Resource } from "@skein/model";
import type { ApiDeps } from "./deps.ts";

/** How inspection names a resource. */
export interface Meta {
  readonly type: string;
  readonly mesh: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kri?: string;
}

/** The meta data of a resource. */
export function metaOf({ registry }: ApiDeps, resource: Resource): Meta {
  const { type, mesh, name, labels } = resource;
  const kind = registry.byType(type);
  const kri = kind && kriOf(kind, resource);
  return { labels, mesh, name, type, ...(kri === undefined ? {} : { kri }) };
}
