import { type KindDefinition, type Resource, toApiJson } from "@skein/model";
import type { FastifyReply, FastifyRequest } from "fastify";
import { requireResourceAccess } from "./authentication.ts";
import type { ApiDeps } from "./deps.ts";
import { filterOf } from "./filters.ts";
import { sendJson } from "./json.ts";
import { isKubernetesFormat, toKubernetesJson } from "./kubernetes-format.ts";
import { mapPage, pageOf } from "./page.ts";
import { notFound, titles } from "./problem.ts";
import { listProblem, param, queryOf, routeTemplate } from "./query.ts";
import { opened } from "./secrets.ts";
import { requireMesh, type Source } from "./source.ts";

/** The JSON of a stored resource as the API shows it. */
export function showResource(
  deps: ApiDeps,
  kind: KindDefinition,
  resource: Resource,
): Record<string, unknown> {
  return toApiJson(kind, opened(deps.cipher, kind, resource));
}

/** The resources that a list request selects, before paging. `mesh` is absent for a list over all meshes. */
export function selectResources(
  source: Source,
  kind: KindDefinition,
  request: FastifyRequest,
  mesh: string | undefined,
): readonly Resource[] {
  const matches = filterOf(request, kind);
  const all = source.list(kind, mesh);
  return matches ? all.filter(matches) : all;
}

/** `GET …/<path>`. */
export function listResources(deps: ApiDeps, source: Source, kind: KindDefinition, isInMesh: boolean) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const mesh = isInMesh ? param(request, "mesh") : undefined;
    if (mesh !== undefined) requireMesh(deps, mesh);
    requireResourceAccess(request, deps, kind);
    const selected = selectResources(source, kind, request, mesh);
    const ofType = kind.type === "ServiceInsight" ? byServiceType(request, selected) : selected;
    return sendJson(
      reply,
      200,
      mapPage(pageOf(request, ofType), (resource) => showResource(deps, kind, resource)),
    );
  };
}

/** `GET …/<path>/<name>`. */
export function getResource(deps: ApiDeps, source: Source, kind: KindDefinition) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const mesh = kind.scope === "Mesh" ? param(request, "mesh") : "";
    if (kind.scope === "Mesh") requireMesh(deps, mesh);
    requireResourceAccess(request, deps, kind);
    const asKubernetes = isKubernetesFormat(request);
    const resource = source.get(kind, mesh, param(request, "name"));
    if (!resource) throw notFound(titles.retrieve);
    return sendJson(
      reply,
      200,
      asKubernetes
        ? toKubernetesJson(kind, opened(deps.cipher, kind, resource), queryOf(request).get("namespace"))
        : showResource(deps, kind, resource),
    );
  };
}

const SERVICE_TYPES = ["internal", "external", "gateway_delegated", "gateway_builtin"];

function byServiceType(request: FastifyRequest, all: readonly Resource[]): readonly Resource[] {
  const wanted = queryOf(request).get("type");
  if (!wanted) return all;
  const types = wanted.split(",");
  for (const type of types) {
    if (SERVICE_TYPES.includes(type)) continue;
    throw listProblem(
      "Resource is not valid",
      `${routeTemplate(request)}.type`,
      `"${type}" is not one of ${SERVICE_TYPES.join(", ")}`,
    );
  }
  return all.filter(({ spec }) => types.includes(serviceTypeOf(spec)));
}

function serviceTypeOf(spec: unknown): string {
  const isTyped = typeof spec === "object" && spec !== null && "serviceType" in spec;
  return isTyped ? String(spec.serviceType) : "internal";
}
