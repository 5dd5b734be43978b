import type { NewResource, Resource, ResourceKey } from "@skein/model";
import type { MemoryIndex } from "../memory-index.ts";
import type { Store } from "../store.ts";

/** A document for tests. */
export function document(
  key: string,
  spec: unknown = {},
  more: Partial<Pick<NewResource, "labels" | "status" | "owner">> = {},
): NewResource {
  return { ...keyOf(key), labels: {}, spec, ...more };
}

/** `Type/mesh/name` as a key. */
export function keyOf(text: string): ResourceKey {
  const [type = "", mesh = "", name = ""] = text.split("/");
  return { type, mesh, name };
}

/** Everything that a store holds of some types. */
export function contents(store: Store | MemoryIndex, types: readonly string[]): readonly Resource[] {
  return types.flatMap((type) => store.list({ type }));
}
