import { isObject, type JsonObject, objectAt, textAt } from "../read.ts";
import type { Path } from "./locate.ts";

/** A Kubernetes object turned into the document that the HTTP API takes. */
export interface Converted {
  readonly content: JsonObject;
  /** Where a path of the converted document is in the original. */
  readonly original: (path: Path) => Path;
  /** What could not be carried over. */
  readonly warnings: readonly string[];
}

/** What `kubectl get -o yaml` adds, and what the API server decides. */
const ignoredMetadata: ReadonlySet<string> = new Set([
  "name",
  "namespace",
  "labels",
  "creationTimestamp",
  "resourceVersion",
  "uid",
  "generation",
  "managedFields",
  "ownerReferences",
  "selfLink",
  "finalizers",
]);
const meshLabel = "kuma.io/mesh";
const defaultMesh = "default";

/** Whether a document has the shape of a Kubernetes object: `apiVersion` and `kind` instead of `type`. */
export function isKubernetesShaped(content: JsonObject): boolean {
  return content.type === undefined || content.kind === "Secret"
    ? typeof content.apiVersion === "string" && typeof content.kind === "string"
    : false;
}

/**
 * Converts a Kubernetes object. `shapeOf` tells how the HTTP API writes a kind: flat kinds keep their fields beside the
 * name, which Kubernetes puts under `spec`.
 */
export function convertKubernetes(
  content: JsonObject,
  kindOf: (
    type: string,
  ) => { readonly shape: "spec" | "flat"; readonly scope: "Global" | "Mesh" } | undefined,
): Converted {
  if (content.kind === "Secret" && content.apiVersion === "v1") return convertSecret(content);
  const type = textAt(content, "kind");
  const kind = kindOf(type);
  const metadata = objectAt(content, "metadata");
  const { [meshLabel]: labelledMesh, ...labels } = objectAt(metadata, "labels");
  const meshInRoot = content.mesh !== undefined;
  const mesh = meshInRoot ? content.mesh : (labelledMesh ?? defaultMesh);
  const isFlat = kind?.shape === "flat";
  const {
    apiVersion: _apiVersion,
    kind: _kind,
    metadata: _metadata,
    mesh: _mesh,
    spec,
    status: _status,
    ...others
  } = content;
  const converted: JsonObject = {
    type,
    ...(kind?.scope === "Global" ? {} : { mesh }),
    ...(metadata.name === undefined ? {} : { name: metadata.name }),
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(isFlat
      ? { ...objectAt(content, "spec"), ...others }
      : { ...(spec === undefined ? {} : { spec }), ...others }),
  };
  return {
    content: converted,
    original: (path) => originalPath(path, { isFlat, meshInRoot, others }),
    warnings: metadataWarnings(metadata),
  };
}

function originalPath(
  path: Path,
  shape: { readonly isFlat: boolean; readonly meshInRoot: boolean; readonly others: JsonObject },
): Path {
  const [first, ...rest] = path;
  if (first === undefined) return path;
  if (first === "type") return ["kind"];
  if (first === "mesh") return shape.meshInRoot ? ["mesh"] : ["metadata", "labels", meshLabel];
  if (first === "name" || first === "labels") return ["metadata", first, ...rest];
  return shape.isFlat && !(String(first) in shape.others) ? ["spec", ...path] : path;
}

function metadataWarnings(metadata: JsonObject): readonly string[] {
  const unknown = Object.keys(metadata).filter((key) => !ignoredMetadata.has(key));
  const namespace = textAt(metadata, "namespace");
  return [
    ...unknown.map((key) => `metadata.${key} has no counterpart outside Kubernetes and is left out`),
    ...(namespace === "" || namespace.endsWith("-system")
      ? []
      : [`metadata.namespace "${namespace}" has no counterpart outside Kubernetes and is left out`]),
  ];
}

function convertSecret(content: JsonObject): Converted {
  const metadata = objectAt(content, "metadata");
  const isGlobal = content.type === "system.kuma.io/global-secret";
  const { [meshLabel]: mesh = defaultMesh, ...labels } = objectAt(metadata, "labels");
  const plain = isObject(content.stringData) ? textAt(content.stringData, "value") : "";
  const data = plain === "" ? textAt(content, "data", "value") : Buffer.from(plain).toString("base64");
  return {
    content: {
      type: isGlobal ? "GlobalSecret" : "Secret",
      ...(isGlobal ? {} : { mesh }),
      ...(metadata.name === undefined ? {} : { name: metadata.name }),
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      data,
    },
    original: (path) =>
      path[0] === "data"
        ? ["data", "value"]
        : originalPath(path, { isFlat: false, meshInRoot: false, others: {} }),
    warnings: metadataWarnings(metadata),
  };
}
