import type { KindDefinition } from "@skein/model";
import type { FastifyInstance, FastifyRequest } from "fastify";
import * as z from "zod";
import { type Draft, PreviewsBusy } from "../preview/port.ts";
import type { Effects } from "../preview/report.ts";
import { requireResourceAccess, userOf } from "./authentication.ts";
import { jsonText, parseJson } from "./body.ts";
import { whileWaited } from "./client-gone.ts";
import type { ApiDeps } from "./deps.ts";
import { unknownFieldPolicy } from "./documents.ts";
import { sendJson } from "./json.ts";
import { Problem, problemBody, titles } from "./problem.ts";
import { queryOf } from "./query.ts";
import { removeDocument, writeDocument } from "./write.ts";
import { isWritable, notWritable } from "./write-rules.ts";

/** More would be better split: every one of them may mean work, such as making a CA. */
const MOST_CHANGES = 1000;

const place = { type: z.string(), mesh: z.string().default(""), name: z.string() };
/** What a preview is asked. */
export const previewBody = z.object({
  changes: z
    .array(
      z.discriminatedUnion("op", [
        z.object({ op: z.literal("put"), ...place, resource: z.record(z.string(), z.unknown()) }),
        z.object({ op: z.literal("delete"), ...place }),
      ]),
    )
    .min(1)
    .max(MOST_CHANGES),
});

type WantedChange = z.infer<typeof previewBody>["changes"][number];

/** What would become of one document. */
export interface DocumentOutcome {
  readonly type: string;
  readonly mesh: string;
  readonly name: string;
  readonly outcome: "created" | "updated" | "unchanged" | "deleted" | "refused";
  readonly warnings: readonly string[];
  /** Why it would be refused, as the real write would answer. */
  readonly problem?: unknown;
}

/** `POST /_preview`: what writes and deletions would do, all of them as one change, without anything being done. */
export function registerPreview(app: FastifyInstance, deps: ApiDeps): void {
  app.post("/_preview", async (request, reply) => {
    const wanted = requireChanges(request);
    const { result, effects } = await whileWaited(request, (signal) =>
      unlessBusy(() => deps.previews.preview((draft) => rehearse(deps, draft, request, wanted), signal)),
    );
    return sendJson(reply, 200, { documents: result, ...effects } satisfies Effects & {
      documents: readonly DocumentOutcome[];
    });
  });
}

/**
 * Makes the answer to a full queue one that says to try again.
 * @throws Problem 503
 */
export async function unlessBusy<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PreviewsBusy) throw new Problem(503, titles.unavailable, error.message);
    throw error;
  }
}

function requireChanges(request: FastifyRequest): readonly WantedChange[] {
  userOf(request);
  const json = parseJson(jsonText(request));
  if ("problem" in json) throw new Problem(400, titles.badRequest, `invalid preview: "${json.problem}"`);
  const parsed = previewBody.safeParse(json.value);
  if (parsed.success) return parsed.data.changes;
  throw new Problem(
    400,
    titles.badRequest,
    'a preview is {"changes": [{"op": "put" or "delete", "type", "mesh", "name", "resource"}]}',
    parsed.error.issues.map(({ path, message }) => ({ field: fieldOf(path), reason: message })),
  );
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`,
    "",
  );
}

/** Makes the writes to a draft, one after the other as they would really be made; one that is refused stops no other. */
async function rehearse(
  deps: ApiDeps,
  draft: Draft,
  request: FastifyRequest,
  changes: readonly WantedChange[],
): Promise<readonly DocumentOutcome[]> {
  const drafted: ApiDeps = {
    ...deps,
    store: draft.store,
    onMeshWritten: draft.onMeshWritten,
    plans: { ...deps.plans, warnings: draft.warnings },
  };
  const outcomes: DocumentOutcome[] = [];
  for (const change of changes) {
    const { type, mesh, name } = change;
    try {
      outcomes.push({ type, mesh, name, ...(await rehearseOne(drafted, request, change)) });
    } catch (error) {
      // Who may not write may not see either what a write would do.
      if (!(error instanceof Problem) || error.status === 403) throw error;
      outcomes.push({ type, mesh, name, outcome: "refused", warnings: [], problem: problemBody(error) });
    }
  }
  return outcomes;
}

async function rehearseOne(
  deps: ApiDeps,
  request: FastifyRequest,
  change: WantedChange,
): Promise<Pick<DocumentOutcome, "outcome" | "warnings">> {
  const kind = requireWritable(deps, change.type);
  const at = { mesh: kind.scope === "Mesh" ? change.mesh : "", name: change.name };
  const common = {
    place: at,
    ifRevision: undefined,
    authorize: () => requireResourceAccess(request, deps, kind),
  };
  if (change.op === "delete") {
    await removeDocument(deps, kind, common);
    return { outcome: "deleted", warnings: [] };
  }
  const key = { type: kind.type, ...at };
  const before = deps.store.get(key);
  const { status, warnings } = await writeDocument(deps, kind, {
    ...common,
    text: JSON.stringify(change.resource),
    unknownFields: unknownFieldPolicy(queryOf(request)),
  });
  const isSame = before !== undefined && deps.store.get(key) === before;
  return { outcome: status === 201 ? "created" : isSame ? "unchanged" : "updated", warnings };
}

function requireWritable(deps: ApiDeps, type: string): KindDefinition {
  const kind = deps.registry.byType(type);
  if (kind === undefined) {
    throw new Problem(400, titles.badRequest, `there is no type "${type}": /_resources lists them`);
  }
  if (!isWritable(kind, deps.settings)) throw notWritable(kind, deps.settings);
  return kind;
}
