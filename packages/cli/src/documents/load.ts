import type { KindDefinition, UnknownFieldPolicy } from "@skein/model";
import { CliError } from "../exit.ts";
import type { Io } from "../io.ts";
import type { Kinds } from "../kinds.ts";
import { type CheckedDocument, checkDocument } from "./check.ts";
import { parseSource } from "./parse.ts";
import { readSources, type Source } from "./source.ts";

/** What `apply` was pointed at. */
export interface LoadRequest {
  /** Files, directories, URLs, or `-`; together they are one set of documents. */
  readonly locations: readonly string[];
  /** `-v` options; none leaves `{{ }}` alone. */
  readonly variables: readonly string[];
  readonly unknownFields: UnknownFieldPolicy;
}

/**
 * Reads, fills in and checks every document. Either all of them can be sent, or this throws with one line for each
 * mistake in any of them.
 */
export async function loadDocuments(
  request: LoadRequest,
  io: Io,
  kinds: Kinds<KindDefinition>,
): Promise<readonly CheckedDocument[]> {
  const written: Source[] = [];
  for (const location of request.locations) written.push(...(await readSources(location, io)));
  const sources = request.variables.length === 0 ? written : await fillIn(written, request.variables);
  const documents: CheckedDocument[] = [];
  const mistakes: string[] = [];
  for (const source of sources) {
    const { documents: parsed, problems } = parseSource(source);
    mistakes.push(...problems.map(({ position, message }) => `* ${source.name}:${position}: ${message}`));
    for (const document of parsed) {
      const result = checkDocument(document, kinds, request.unknownFields);
      if (result.kind === "ok") documents.push(result.document);
      else mistakes.push(...result.lines);
    }
  }
  mistakes.push(...findDuplicates(documents));
  if (mistakes.length > 0) {
    const count = mistakes.length === 1 ? "a mistake" : `${mistakes.length} mistakes`;
    throw new CliError(`found ${count}, nothing was applied`, { details: mistakes });
  }
  if (documents.length === 0) throw new CliError("no resource(s) passed to apply");
  return documents;
}

async function fillIn(sources: readonly Source[], texts: readonly string[]): Promise<readonly Source[]> {
  const { parseVariables, renderVariables } = await import("./variables.ts");
  const variables = parseVariables(texts);
  return sources.map((source) => renderVariables(source, variables));
}

/** Two documents for one resource: the second would undo the first without a word. */
function findDuplicates(documents: readonly CheckedDocument[]): readonly string[] {
  const first = new Map<string, CheckedDocument>();
  return documents.flatMap((document) => {
    const key = `${document.type}/${document.mesh}/${document.name}`;
    const before = first.get(key);
    if (before === undefined) {
      first.set(key, document);
      return [];
    }
    return [
      `* ${document.where}: ${document.type} "${document.name}" is already described in ${before.where}`,
    ];
  });
}
