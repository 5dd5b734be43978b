import { type Document, isNode, isScalar, LineCounter, parseAllDocuments, visit } from "yaml";
import { isObject, type JsonObject } from "../read.ts";
import { nodeOffset, type Path } from "./locate.ts";
import type { Source } from "./source.ts";

/** One resource as it stands in a source: its content, and where each part of it is. */
export interface SourceDocument {
  readonly source: string;
  /** Position among the source's documents, from 1. */
  readonly index: number;
  readonly content: JsonObject;
  /** `line:column` of the innermost part of `path` that exists. */
  readonly locate: (path: Path) => string;
}

/** A text that is not YAML, or a document that cannot be a resource. */
export interface ParseProblem {
  readonly source: string;
  readonly position: string;
  readonly message: string;
}

/** Splits a source into documents. Empty ones are skipped; lists (`items`) are taken apart. */
export function parseSource({ name, text }: Source): {
  readonly documents: readonly SourceDocument[];
  readonly problems: readonly ParseProblem[];
} {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, merge: true, prettyErrors: false });
  const documents: SourceDocument[] = [];
  const problems: ParseProblem[] = [];
  const positionAt = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${line}:${col}`;
  };
  if (!Array.isArray(parsed)) return { documents, problems };
  for (const document of parsed) {
    const [error] = document.errors;
    if (error !== undefined) {
      problems.push({
        source: name,
        position: positionAt(error.pos[0]),
        message: explainYamlError(error.message, text),
      });
      continue;
    }
    const oddKey = collectionKeyOffset(document);
    if (oddKey !== undefined) {
      problems.push({
        source: name,
        position: positionAt(oddKey),
        message: explainYamlError(collectionKey, text),
      });
      continue;
    }
    const content = toPlain(document);
    if (content instanceof Error) {
      problems.push({
        source: name,
        position: positionAt(document.range?.[0] ?? 0),
        message: content.message,
      });
      continue;
    }
    if (content === null || content === undefined) continue;
    const locate = (path: Path): string => positionAt(nodeOffset(document, path));
    if (!isObject(content)) {
      problems.push({
        source: name,
        position: locate([]),
        message: "a resource must be a mapping, with type and name",
      });
      continue;
    }
    for (const { value, path } of unpackList(content)) {
      const at = (inner: Path): string => locate([...path, ...inner]);
      if (isObject(value)) {
        documents.push({ source: name, index: documents.length + 1, content: value, locate: at });
      } else {
        problems.push({
          source: name,
          position: at([]),
          message: "a resource must be a mapping, with type and name",
        });
      }
    }
  }
  return { documents, problems };
}

/** The answer to a list request (`items`, no `type`) and a Kubernetes `List` hold resources themselves. */
function unpackList(content: JsonObject): readonly { readonly value: unknown; readonly path: Path }[] {
  const isList = Array.isArray(content.items) && content.type === undefined;
  if (!isList || !Array.isArray(content.items)) return [{ value: content, path: [] }];
  return content.items.map((value: unknown, index) => ({ value, path: ["items", index] }));
}

const collectionKey = "a key must be text, not a mapping or a list";

/** Where a key is not a text: YAML allows it, JSON does not, and an unfilled `{{ name }}` reads as one. */
function collectionKeyOffset(document: Document): number | undefined {
  let offset: number | undefined;
  visit(document, {
    Pair: (_, { key }) => {
      if (!isNode(key) || isScalar(key)) return undefined;
      offset = key.range?.[0] ?? 0;
      return visit.BREAK;
    },
  });
  return offset;
}

function toPlain(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function explainYamlError(message: string, text: string): string {
  const first = message.split("\n")[0] ?? message;
  return /\{\{.*\}\}/.test(text) ? `${first} (values for {{ }} are given with -v key=value)` : first;
}
