import type { UnknownFieldPolicy } from "@skein/model";
import { type ApiClient, apiPath } from "../client/api-client.ts";
import { type ApiError, apiErrorOf } from "../client/api-error.ts";
import { warnOfOtherVersion } from "../client/compatibility.ts";
import type { HttpResponse } from "../client/http.ts";
import { warningsOf } from "../client/warnings.ts";
import type { CheckedDocument } from "../documents/check.ts";
import { actInOrder } from "../documents/in-order.ts";
import { loadDocuments } from "../documents/load.ts";
import { waitsFor } from "../documents/order.ts";
import { parseDryRun } from "../dry-run.ts";
import { CliError, usageError } from "../exit.ts";
import { kindPath } from "../kinds.ts";
import { isObject, listAt, textAt } from "../read.ts";
import type { Session } from "../session.ts";
import { didYouMean } from "../suggest.ts";
import { changeIdOf } from "../wait/change.ts";
import { parseWait } from "../wait/parse-wait.ts";

export interface ApplyOptions {
  readonly file: readonly string[];
  readonly var: readonly string[];
  readonly dryRun?: string;
  readonly validate: string;
  readonly wait?: string;
  /** Of what `--dry-run=server` answers. */
  readonly output: string;
}

const validateModes: readonly UnknownFieldPolicy[] = ["strict", "warn", "ignore"];
const conflictRetries = 3;

/** Documents under way at a time: more wait in the control plane, which writes one after the other. */
const width = 16;

/**
 * `apply`: checks every document before it sends the first, then writes them, those side by side that do not depend on
 * each other. What it prints is in the order in which they stand. After a refusal it sends nothing more.
 */
export async function apply(session: Session, options: ApplyOptions): Promise<void> {
  const unknownFields = pickMode(options.validate);
  const waitMs = parseWait(options.wait);
  const dryRun = parseDryRun(options.dryRun);
  const warning = dryRun === "client" ? undefined : warnOfOtherVersion(session);
  const kinds = await session.kinds();
  const documents = await loadDocuments(
    { locations: options.file, variables: options.var, unknownFields },
    session.io,
    kinds,
  );
  for (const document of documents) {
    for (const text of document.warnings) session.io.err(`Warning: ${document.where}: ${text}\n`);
  }
  if (dryRun === "client") {
    await printDocuments(session, documents);
    return;
  }
  await warning;
  if (dryRun === "server") {
    const { printPreview } = await import("./preview.ts");
    const changes = documents.map(({ type, mesh, name, content }) => ({
      op: "put" as const,
      type,
      mesh,
      name,
      resource: content,
    }));
    await printPreview(session, changes, { output: options.output, validate: unknownFields });
    return;
  }
  const client = await session.client();
  const changes: (number | undefined)[] = [];
  const errors: unknown[] = [];
  await actInOrder(documents, {
    width,
    action: (document) => write(client, document, unknownFields),
    waitsFor,
    done: (outcome) => {
      if (outcome.ok) changes.push(tell(session, outcome.value));
      else errors.push(outcome.error);
    },
  });
  if (errors.length > 0) throw joined(errors);
  if (waitMs !== undefined) await (await import("../wait/wait.ts")).waitForChanges(session, changes, waitMs);
}

/** A document that the control plane took. */
interface Written {
  readonly document: CheckedDocument;
  readonly response: HttpResponse;
}

async function write(
  client: ApiClient,
  document: CheckedDocument,
  unknownFields: UnknownFieldPolicy,
): Promise<Written> {
  const path =
    document.known === undefined
      ? await pathFromServer(client, document)
      : kindPath(document.known.kind, document.mesh, document.name);
  const response = await put(client, path, document, unknownFields);
  if (response.status >= 400) {
    const refusal: ApiError = apiErrorOf(response.status, response.body);
    throw new CliError(`${subjectOf(document)}: failed server side: ${refusal.message}`, {
      details: refusal.details,
      cause: refusal,
    });
  }
  return { document, response };
}

/** Prints what became of a document, and gives the change that it made. */
function tell(session: Session, { document, response }: Written): number | undefined {
  session.io.out(`${subjectOf(document)} ${response.status === 201 ? "Created" : "Updated"}\n`);
  for (const text of warningsOf(response)) {
    if (!document.warnings.includes(text)) session.io.err(`Warning: ${text}\n`);
  }
  return changeIdOf(response);
}

function subjectOf({ type, mesh, name }: CheckedDocument): string {
  return `resource type="${type}" mesh="${mesh}" name="${name}"`;
}

/** One error that tells all, each once: a control plane that is gone fails every document under way alike. */
function joined(errors: readonly unknown[]): unknown {
  const [first, ...others] = errors;
  if (!(first instanceof CliError)) return first;
  const told = new Map([first, ...others].map((error) => [String(error), error]));
  const details = [...told.values()].slice(1).flatMap((error) => {
    const lines = error instanceof CliError ? error.details : [];
    return [`Error: ${error instanceof Error ? error.message : error}`, ...lines];
  });
  return new CliError(first.message, {
    details: [...first.details, ...details],
    exitCode: first.exitCode,
    cause: first,
  });
}

/** Writes, again if another writer came between the control plane's read and its write. */
async function put(
  client: ApiClient,
  path: string,
  document: CheckedDocument,
  unknownFields: UnknownFieldPolicy,
): Promise<HttpResponse> {
  for (let attempt = 0; ; attempt++) {
    const response = await client.request("PUT", path, {
      body: document.content,
      query: { validate: unknownFields },
    });
    if (response.status !== 409 || attempt >= conflictRetries) return response;
  }
}

async function pathFromServer(client: ApiClient, { type, mesh, name }: CheckedDocument): Promise<string> {
  const resources = listAt(await client.get("/_resources"), "resources");
  const listing = resources.find((resource) => isObject(resource) && resource.name === type);
  if (listing === undefined)
    throw new CliError(`neither this program nor the control plane knows the type "${type}"`);
  const path = textAt(listing, "path");
  return textAt(listing, "scope") === "Mesh" ? apiPath("meshes", mesh, path, name) : apiPath(path, name);
}

async function printDocuments(session: Session, documents: readonly CheckedDocument[]): Promise<void> {
  const [{ toApiJson }, { toYaml }] = await Promise.all([
    import("@skein/model/serialize"),
    import("../output/format.ts"),
  ]);
  for (const { content, known } of documents) {
    const document =
      known === undefined ? content : withoutServerFields(toApiJson(known.kind, known.resource));
    session.io.out(`---\n${await toYaml(document)}`);
  }
}

/** A document that nobody has stored yet has no KRI, SNIs or status that would be true. */
function withoutServerFields(document: Readonly<Record<string, unknown>>): unknown {
  const { kri: _kri, snis: _snis, status: _status, ...rest } = document;
  return rest;
}

function pickMode(text: string): UnknownFieldPolicy {
  const mode = validateModes.find((candidate) => candidate === text);
  if (mode !== undefined) return mode;
  throw usageError(
    `--validate="${text}" must be one of ${validateModes.join(", ")}${didYouMean(text, validateModes)}`,
  );
}
