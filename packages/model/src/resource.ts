/** The type name of a resource kind, e.g. `MeshTimeout`. */
export type ResourceType = string;

/** Identifies one resource. `mesh` is `""` for kinds of global scope. */
export interface ResourceKey {
  readonly type: ResourceType;
  readonly mesh: string;
  readonly name: string;
}

/**
 * One stored document. Immutable: a change makes a new object, so identity tells whether anything changed.
 *
 * `spec` holds what the user wrote, whatever shape the kind has on the wire: for "flat" kinds (Mesh, Dataplane,
 * Secret …) it is the fields beside `type` and `name`, for the others the content of `spec`.
 */
export interface Resource<Spec = unknown, Status = unknown> extends ResourceKey {
  readonly labels: Readonly<Record<string, string>>;
  /** RFC 3339, UTC. */
  readonly creationTime: string;
  /** RFC 3339, UTC. */
  readonly modificationTime: string;
  /** Store revision of the last write to this resource; unique and increasing over the whole store. */
  readonly revision: number;
  readonly spec: Spec;
  readonly status?: Status;
  /** The resource that takes this one along when it is deleted. */
  readonly owner?: ResourceKey;
}

/** A resource as a caller hands it to a store: without what the store itself decides. */
export type NewResource<Spec = unknown, Status = unknown> = Omit<
  Resource<Spec, Status>,
  "creationTime" | "modificationTime" | "revision"
>;

/** `type/mesh/name`, unique over a store. Names cannot contain `/`. */
export function keyString(key: ResourceKey): string {
  return `${key.type}/${key.mesh}/${key.name}`;
}
