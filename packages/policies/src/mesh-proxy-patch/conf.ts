/** What a modification is about. */
export const MODIFICATION_KINDS = [
  "cluster",
  "listener",
  "networkFilter",
  "httpFilter",
  "virtualHost",
] as const;

export type ModificationKind = (typeof MODIFICATION_KINDS)[number];

export const RESOURCE_OPERATIONS = ["Add", "Patch", "Remove"] as const;
export const FILTER_OPERATIONS = ["AddAfter", "AddBefore", "AddFirst", "AddLast", "Patch", "Remove"] as const;

export type Operation = (typeof RESOURCE_OPERATIONS)[number] | (typeof FILTER_OPERATIONS)[number];

export const JSON_PATCH_OPERATIONS = ["add", "remove", "replace", "move", "copy"] as const;

/** One step of a JSON patch (RFC 6902, without `test`). */
export interface JsonPatchStep {
  readonly op: (typeof JSON_PATCH_OPERATIONS)[number];
  readonly path: string;
  readonly from?: string | undefined;
  readonly value?: unknown;
}

/** Every part that is set must hold; each kind of modification has some of them. */
export interface ModificationMatch {
  readonly origin?: string | undefined;
  readonly name?: string | undefined;
  /** Tags of the listener, under a `listener` modification. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
  readonly listenerName?: string | undefined;
  readonly listenerTags?: Readonly<Record<string, string>> | undefined;
  readonly routeConfigurationName?: string | undefined;
}

export interface ModificationConf {
  readonly operation: Operation;
  readonly match?: ModificationMatch | undefined;
  /** An Envoy resource as YAML. */
  readonly value?: string | undefined;
  readonly jsonPatches?: readonly JsonPatchStep[] | undefined;
}

/** Exactly one kind is set. */
export type ModificationEntry = Readonly<Partial<Record<ModificationKind, ModificationConf | undefined>>>;

/** `default` of a MeshProxyPatch. */
export interface MeshProxyPatchConf {
  readonly appendModifications?: readonly ModificationEntry[] | undefined;
}

/** The one kind that an entry has; `undefined` for an entry with none, which validation refuses. */
export function modificationOf(
  entry: ModificationEntry,
): { readonly kind: ModificationKind; readonly conf: ModificationConf } | undefined {
  for (const kind of MODIFICATION_KINDS) {
    const conf = entry[kind];
    if (conf !== undefined) return { kind, conf };
  }
  return undefined;
}
