import type { CheckedDocument } from "./check.ts";

/** Kinds whose every document may open or close traffic: what their writer puts first must come first. */
const oneByOne: ReadonlySet<string> = new Set(["MeshTrafficPermission", "MeshTLS"]);

/**
 * Whether a document must not be sent before the answer to one that stands before it. Documents of one kind do not
 * depend on each other, and nothing depends on a policy but the order of those that open and close traffic. Everything
 * else may be referred to (a Mesh, a Secret, an identity, a service), or be unknown here.
 */
export function waitsFor(later: CheckedDocument, earlier: CheckedDocument): boolean {
  if (later.type === earlier.type) return oneByOne.has(later.type);
  if (later.type === "Mesh" || oneByOne.has(earlier.type)) return true;
  return earlier.known?.kind.policy === undefined;
}
