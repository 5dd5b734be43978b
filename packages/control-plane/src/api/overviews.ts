import { type KindDefinition, type Resource, toApiJson } from "@skein/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { requireResourceAccess } from "./authentication.ts";
import type { ApiDeps } from "./deps.ts";
import { sendJson } from "./json.ts";
import { mapPage, pageOf } from "./page.ts";
import { notFound, titles } from "./problem.ts";
import { param } from "./query.ts";
import { selectResources } from "./read.ts";
import { requireMesh, type Source } from "./source.ts";

/** Paths from before `_overview`. They still answer. */
export const LEGACY_PATHS: Readonly<Record<string, string>> = {
  Dataplane: "dataplanes+insights",
  Zone: "zones+insights",
  ZoneIngress: "zoneingresses+insights",
  ZoneEgress: "zoneegressoverviews",
};

type Insight = NonNullable<KindDefinition["insight"]>;

/** Resources together with what the control plane saw of them, for every kind that has an insight. */
export function registerOverviews(app: FastifyInstance, deps: ApiDeps, source: Source): void {
  for (const kind of deps.registry.kinds) {
    if (!kind.insight) continue;
    const inMesh = kind.scope === "Mesh" ? "/meshes/:mesh" : "";
    const legacy = LEGACY_PATHS[kind.type];
    const list = listOverviews(deps, source, kind, kind.insight);
    const get = getOverview(deps, source, kind, kind.insight);
    for (const prefix of new Set([inMesh, ""])) {
      app.get(`${prefix}/${kind.path}/_overview`, list);
      if (legacy) app.get(`${prefix}/${legacy}`, list);
    }
    app.get(`${inMesh}/${kind.path}/:name/_overview`, get);
    if (legacy) app.get(`${inMesh}/${legacy}/:name`, get);
  }
}

function listOverviews(deps: ApiDeps, source: Source, kind: KindDefinition, insight: Insight) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const mesh = param(request, "mesh");
    if (mesh !== "") requireMesh(deps, mesh);
    requireResourceAccess(request, deps, kind);
    const selected = selectResources(source, kind, request, mesh === "" ? undefined : mesh);
    const overview = (resource: Resource) => {
      const seen = insightOf(deps, insight, resource);
      return overviewJson(kind, insight, resource, seen ? { [insight.key]: seen.spec } : {});
    };
    return sendJson(reply, 200, mapPage(pageOf(request, selected), overview));
  };
}

function getOverview(deps: ApiDeps, source: Source, kind: KindDefinition, insight: Insight) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const mesh = param(request, "mesh");
    if (kind.scope === "Mesh") requireMesh(deps, mesh);
    requireResourceAccess(request, deps, kind);
    const resource = source.get(kind, mesh, param(request, "name"));
    if (!resource) throw notFound(titles.retrieve);
    const seen = insightOf(deps, insight, resource);
    return sendJson(reply, 200, overviewJson(kind, insight, resource, { [insight.key]: seen?.spec ?? {} }));
  };
}

function insightOf({ store }: ApiDeps, insight: Insight, { mesh, name }: Resource): Resource | undefined {
  return store.get({ type: insight.type, mesh, name });
}

/** Meta data of the base resource, then its fields under one key and the insight under another. */
function overviewJson(
  kind: KindDefinition,
  insight: Insight,
  resource: Resource,
  seen: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const key = `${kind.type.charAt(0).toLowerCase()}${kind.type.slice(1)}`;
  const meta = toApiJson(kind, { ...resource, type: insight.overviewType, spec: {} });
  return { ...meta, [key]: resource.spec, ...seen };
}
