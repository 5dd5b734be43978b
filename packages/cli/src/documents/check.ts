import type { KindDefinition, NewResource, UnknownFieldPolicy } from "@skein/model";
import { parseResource } from "@skein/model/parse";
import type { Kinds } from "../kinds.ts";
import { type JsonObject, textAt } from "../read.ts";
import { didYouMean } from "../suggest.ts";
import { convertKubernetes, isKubernetesShaped } from "./kubernetes.ts";
import { type Path, parsePath } from "./locate.ts";
import type { SourceDocument } from "./parse.ts";

/** A document that may be sent. */
export interface CheckedDocument {
  /** How messages name it, e.g. `web.yaml: document 2`. */
  readonly where: string;
  readonly type: string;
  readonly mesh: string;
  readonly name: string;
  /** As the user wrote it, in the form of the HTTP API. */
  readonly content: JsonObject;
  /** The kind and what the schema made of the document; absent for a type that only the control plane knows. */
  readonly known?: { readonly kind: KindDefinition; readonly resource: NewResource };
  readonly warnings: readonly string[];
}

/** Outcome for one document: it can be sent, or these lines say why not. */
export type CheckResult =
  | { readonly kind: "ok"; readonly document: CheckedDocument }
  | { readonly kind: "refused"; readonly lines: readonly string[] };

/**
 * Checks a document with the rules of its kind, those that the control plane applies too. Every line that it answers
 * begins with the file and the position of what it is about.
 */
export function checkDocument(
  document: SourceDocument,
  kinds: Kinds<KindDefinition>,
  unknownFields: UnknownFieldPolicy,
): CheckResult {
  const isKubernetes = isKubernetesShaped(document.content);
  const { content, original, warnings } = isKubernetes
    ? convertKubernetes(document.content, kinds.byType)
    : { content: document.content, original: (path: Path) => path, warnings: [] };
  const type = textAt(content, "type");
  const name = textAt(content, "name");
  const where = `${document.source}: document ${document.index}`;
  const line = (path: Path, text: string): string =>
    `* ${document.source}:${document.locate(original(path))}: document ${document.index}${label(type, name)}: ${text}`;

  const kind = kinds.byType(type);
  if (kind === undefined) {
    if (type !== "" && unknownFields !== "strict") {
      const unchecked = `${type} is not known here: it is sent unchecked`;
      const mesh = textAt(content, "mesh");
      return {
        kind: "ok",
        document: { where, type, mesh, name, content, warnings: [...warnings, unchecked] },
      };
    }
    return {
      kind: "refused",
      lines: [line(["type"], unknownType(document.content, type, isKubernetes, kinds))],
    };
  }
  const parsed = parseResource(kind, content, { unknownFields });
  if (parsed.resource === undefined) {
    return {
      kind: "refused",
      lines: parsed.violations.map(({ field, reason }) =>
        line(parsePath(field), field === "" ? reason : `${field}: ${reason}`),
      ),
    };
  }
  const { mesh } = parsed.resource;
  return {
    kind: "ok",
    document: {
      where,
      type,
      mesh,
      name: parsed.resource.name,
      content,
      known: { kind, resource: parsed.resource },
      warnings: [...warnings, ...parsed.warnings],
    },
  };
}

function unknownType(
  written: JsonObject,
  type: string,
  isKubernetes: boolean,
  kinds: Kinds<KindDefinition>,
): string {
  const types = kinds.all.map((kind) => kind.type);
  if (type !== "") return `unknown resource type "${type}"${didYouMean(type, types)}`;
  const key = isKubernetes ? "kind" : "type";
  const near = didYouMean(key, Object.keys(written));
  return `${key} is missing: it must name the resource's type${near.replace("did you mean", "is it meant by")}`;
}

function label(type: string, name: string): string {
  return type === "" ? "" : ` (${type}${name === "" ? "" : ` "${name}"`})`;
}
