import {
  computeLabels,
  type DataplaneResource,
  type DataplaneSpec,
  type KindDefinition,
  type NewResource,
  type Resource,
  type UnknownFieldPolicy,
  validateImmutableLabels,
  validateLabels,
  validateName,
  validateOrigin,
  validateWorkloadLabel,
} from "@skein/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import { withZoneTags } from "../defaults/dataplane-defaults.ts";
import { withFoundStates } from "../defaults/inbound-states.ts";
import { type Committed, StoreError, type Write } from "../store/store.ts";
import { probeWarnings } from "../warnings/dataplane.ts";
import { requireResourceAccess } from "./authentication.ts";
import { jsonText } from "./body.ts";
import type { ApiDeps } from "./deps.ts";
import { readDocument, requirePlace, unknownFieldPolicy } from "./documents.ts";
import { deleteGuards, meshKey, writeGuards } from "./guards.ts";
import { sendJson } from "./json.ts";
import { invalid, notFound, Problem, titles } from "./problem.ts";
import { param, queryOf } from "./query.ts";
import { sealed } from "./secrets.ts";
import { requireMesh } from "./source.ts";

/** A write that others keep overtaking is given up after this many attempts. */
const ATTEMPTS = 100;

/** What a write did. */
interface Written {
  readonly isNew: boolean;
  readonly revision: number;
  readonly resource: NewResource;
  readonly warnings: readonly string[];
}

/** A document that somebody wants to write, wherever it came from. */
export interface DocumentWrite {
  /** JSON. */
  readonly text: string;
  readonly place: { readonly mesh: string; readonly name: string };
  readonly unknownFields: UnknownFieldPolicy;
  readonly ifRevision: number | undefined;
  /** @throws Problem 403 */
  readonly authorize: () => void;
}

/** What became of a write. */
export interface WriteAnswer {
  readonly status: number;
  readonly revision: number;
  readonly warnings: readonly string[];
}

/**
 * `PUT …/<path>/<name>`: creates or replaces. The order of its checks is part of the API: mesh, body, place, name and
 * labels, access, immutable labels, guards, store.
 */
export function putResource(deps: ApiDeps, kind: KindDefinition) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const place = { mesh: kind.scope === "Mesh" ? param(request, "mesh") : "", name: param(request, "name") };
    const answer = await writeDocument(deps, kind, {
      text: jsonText(request),
      place,
      unknownFields: unknownFieldPolicy(queryOf(request)),
      ifRevision: wantedRevision(request),
      authorize: () => requireResourceAccess(request, deps, kind),
    });
    return sendWritten(deps, kind, reply, answer);
  };
}

/** `DELETE …/<path>/<name>`. */
export function deleteResource(deps: ApiDeps, kind: KindDefinition) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const place = { mesh: kind.scope === "Mesh" ? param(request, "mesh") : "", name: param(request, "name") };
    const answer = await removeDocument(deps, kind, {
      place,
      ifRevision: wantedRevision(request),
      authorize: () => requireResourceAccess(request, deps, kind),
    });
    return sendWritten(deps, kind, reply, answer);
  };
}

/**
 * Creates or replaces a resource, with all checks.
 * @throws Problem
 */
export async function writeDocument(
  deps: ApiDeps,
  kind: KindDefinition,
  { text, place, unknownFields, ifRevision, authorize }: DocumentWrite,
): Promise<WriteAnswer> {
  if (kind.scope === "Mesh") requireMesh(deps, place.mesh);
  const document = readDocument(kind, text, unknownFields);
  requirePlace(document.resource, place);
  requireValid(titles.process, [
    ...validateName(place.name),
    ...validateLabels(kind, document.resource, deps.settings),
  ]);
  authorize();
  const written = await store(deps, kind, document.resource, ifRevision);
  const { isNew, revision, resource } = written;
  const warnings = [
    ...document.warnings,
    ...written.warnings,
    ...deps.plans.warnings(stored(deps, resource)),
    ...(kind.type === "Dataplane" && !deps.settings.probes
      ? probeWarnings(resource as DataplaneResource)
      : []),
  ];
  return { status: isNew ? 201 : 200, revision, warnings };
}

/**
 * Deletes a resource, with all checks.
 * @throws Problem
 */
export async function removeDocument(
  deps: ApiDeps,
  kind: KindDefinition,
  { place, ifRevision, authorize }: Omit<DocumentWrite, "text" | "unknownFields">,
): Promise<WriteAnswer> {
  if (kind.scope === "Mesh") requireMesh(deps, place.mesh);
  const key = { type: kind.type, ...place };
  let warnings: readonly string[] = [];
  const committed = await retried(ifRevision !== undefined, titles.delete, () => {
    const current = deps.store.get(key);
    if (!current) throw notFound(titles.delete);
    requireValid(titles.delete, validateOrigin(kind, current.labels, deps.settings));
    authorize();
    if (!deps.settings.unsafeDelete) requireValid(titles.delete, deleteGuards(deps.store, current));
    warnings = deps.plans.deleteWarnings(current);
    return deps.store.write([{ op: "delete", key, ifRevision: ifRevision ?? current.revision }]);
  });
  return { status: 200, revision: committed.revision, warnings };
}

async function store(
  deps: ApiDeps,
  kind: KindDefinition,
  document: NewResource,
  ifRevision: number | undefined,
): Promise<Written> {
  let current: Resource | undefined;
  let next = document;
  let warnings: readonly string[] = [];
  const committed = await retried(ifRevision !== undefined, titles.process, async () => {
    current = deps.store.get(document);
    next = prepare(deps, kind, document, current);
    const trial = await deps.trial?.(next);
    requireValid(current ? titles.update : titles.create, trial?.violations ?? []);
    warnings = trial?.warnings ?? [];
    const write: Write = current
      ? { op: "update", resource: next, ifRevision: ifRevision ?? current.revision }
      : { op: "create", resource: next };
    if (!current && ifRevision !== undefined) throw conflict(document);
    const companions = kind.type === "Mesh" ? await deps.onMeshWritten(next, current) : [];
    return deps.store.write([write, ...companions]);
  });
  const revision = committed.changes.length === 0 && current ? current.revision : committed.revision;
  return { isNew: !current, revision, resource: next, warnings };
}

/** The resource as it is to be stored: with computed labels, and what a PUT does not touch taken from `current`. */
function prepare(
  deps: ApiDeps,
  kind: KindDefinition,
  document: NewResource,
  current: Resource | undefined,
): NewResource {
  if (!current && kind.type === "Dataplane") requireWorkloadLabel(document);
  const labels = computeLabels(kind, document, deps.settings);
  if (current) {
    const before = computeLabels(kind, current, deps.settings);
    requireValid(titles.immutable, validateImmutableLabels(before, labels));
  }
  const owner = kind.scope === "Mesh" ? meshKey(document.mesh) : current?.owner;
  const next: NewResource = {
    ...sealed(
      deps.cipher,
      kind,
      withSystemFields(kind, withDefaults(deps, document, current), current),
      current,
    ),
    labels,
    ...(current?.status === undefined ? {} : { status: current.status }),
    ...(owner === undefined ? {} : { owner: current?.owner ?? owner }),
  };
  requireValid(current ? titles.update : titles.create, writeGuards(deps.store, next, current));
  return next;
}

function withDefaults(deps: ApiDeps, document: NewResource, current: Resource | undefined): NewResource {
  if (document.type !== "Dataplane") return document;
  const tagged = withZoneTags(document, deps.store.get(meshKey(document.mesh)), deps.settings.zone);
  const { probes } = deps.settings;
  // Where nothing looks how proxies are, writing the Dataplane is how somebody puts an inbound back.
  return withFoundStates(tagged as NewResource<DataplaneSpec>, current as DataplaneResource | undefined, {
    keepDrained: probes,
    probes,
  });
}

function withSystemFields(
  kind: KindDefinition,
  document: NewResource,
  current: Resource | undefined,
): NewResource {
  const fields = kind.systemFields ?? [];
  if (current === undefined || fields.length === 0) return document;
  const kept = fields.flatMap((field) => {
    const value: unknown = Reflect.get(Object(current.spec), field);
    return value === undefined ? [] : [[field, value] as const];
  });
  return { ...document, spec: { ...Object(document.spec), ...Object.fromEntries(kept) } };
}

function requireWorkloadLabel(document: NewResource): void {
  const [violation] = validateWorkloadLabel(document.labels);
  if (violation) throw new Problem(400, titles.badRequest, `${violation.field}: ${violation.reason}`);
}

/** Repeats an attempt that another writer overtook. Where the caller named a revision, being overtaken is the answer. */
async function retried(once: boolean, title: string, attempt: () => Promise<Committed>): Promise<Committed> {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      if (error.code === "not-found" && error.key?.type === "Mesh") throw notFound(titles.mesh);
      if (error.code === "unavailable" || error.code === "corrupt") throw error;
      if (once && error.code === "not-found") throw notFound(title);
      if (once || tries === ATTEMPTS) throw new Problem(409, titles.conflict, error.message);
    }
  }
}

/** `If-Match` with a change id: the revision that the document was made for. */
function wantedRevision(request: FastifyRequest): number | undefined {
  const header = request.headers["if-match"];
  if (header === undefined || header === "*") return undefined;
  const revision = Number(header.replaceAll('"', ""));
  if (Number.isSafeInteger(revision)) return revision;
  throw new Problem(400, titles.badRequest, `If-Match has to be a change id, such as "42", and is ${header}`);
}

function conflict({ type, name, mesh }: NewResource): Problem {
  const what = `type="${type}" name="${name}" mesh="${mesh}"`;
  return new Problem(409, titles.conflict, `resource conflict: ${what} does not exist any more`);
}

function requireValid(title: string, violations: Parameters<typeof invalid>[1]): void {
  if (violations.length > 0) throw invalid(title, violations);
}

/** What the store holds now, which is what warnings should be about; the written one where it is gone already. */
function stored(deps: ApiDeps, resource: NewResource): Resource {
  return deps.store.get(resource) ?? { ...resource, creationTime: "", modificationTime: "", revision: 0 };
}

function sendWritten(
  deps: ApiDeps,
  { type }: KindDefinition,
  reply: FastifyReply,
  { status, revision, warnings }: WriteAnswer,
): FastifyReply {
  if (warnings.length > 0) deps.warned(type, warnings.length);
  reply.header("skein-change-id", String(revision));
  return sendJson(reply, status, { ...(warnings.length === 0 ? {} : { warnings }), changeId: revision });
}
