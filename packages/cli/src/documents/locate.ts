import { type Document, isCollection, isMap, isNode, isPair, isScalar, isSeq } from "yaml";

/** Keys and indexes from the root of a document. */
export type Path = readonly (string | number)[];

/** Parses the API's way to write a path: `spec.to[0].default`, `labels["kuma.io/zone"]`. */
export function parsePath(field: string): Path {
  const path: (string | number)[] = [];
  for (const match of field.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|([^.[\]]+)/g)) {
    const [, quoted, index, plain] = match;
    if (quoted !== undefined) path.push(quoted.replaceAll(/\\(.)/g, "$1"));
    else if (index !== undefined) path.push(Number(index));
    else if (plain !== undefined) path.push(plain);
  }
  return path;
}

/**
 * Where the innermost existing part of a path begins: its key if it is a mapping's entry (that is what is misspelt),
 * else the entry itself.
 */
export function nodeOffset(document: Document, path: Path): number {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? document.range?.[0] ?? 0;
  for (const step of path) {
    const next = child(node, step, document);
    if (next === undefined) return offset;
    offset = next.offset ?? offset;
    node = next.node;
  }
  return offset;
}

function child(
  node: unknown,
  step: string | number,
  document: Document,
): { readonly node: unknown; readonly offset: number | undefined } | undefined {
  const resolved =
    isNode(node) && "resolve" in node && typeof node.resolve === "function" ? node.resolve(document) : node;
  if (isMap(resolved)) {
    const pair = resolved.items.find(
      (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === `${step}`,
    );
    return pair === undefined ? undefined : { node: pair.value, offset: startOf(pair.key) };
  }
  if (isSeq(resolved) && typeof step === "number") {
    const item = resolved.items[step];
    return item === undefined ? undefined : { node: item, offset: startOf(item) };
  }
  return undefined;
}

function startOf(node: unknown): number | undefined {
  return isNode(node) || isCollection(node) ? node.range?.[0] : undefined;
}
