import type { KindDefinition, Resource } from "@skein/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { child, records, text } from "../insights/fields.ts";
import { requireResourceAccess } from "./authentication.ts";
import type { ApiDeps } from "./deps.ts";
import { sendJson } from "./json.ts";
import { collectionPath } from "./kind-routes.ts";
import { metaOf } from "./meta.ts";
import { pageOf } from "./page.ts";
import { notFound, Problem, titles } from "./problem.ts";
import { param, queryOf } from "./query.ts";
import { requireMesh } from "./source.ts";

/** Kinds whose resources have host names. */
export const HOSTNAME_KINDS: readonly string[] = [
  "MeshService",
  "MeshExternalService",
  "MeshMultiZoneService",
];

/** Which proxies a policy or a service selects, and under which names a service is called. */
export function registerMatches(app: FastifyInstance, deps: ApiDeps): void {
  for (const kind of deps.registry.kinds) {
    if (kind.scope !== "Mesh") continue;
    const item = `${collectionPath(kind)}/:name`;
    if (kind.type === "MeshGateway") app.get(`${item}/dataplanes`, servedBy(deps, kind));
    if (selectsDataplanes(kind)) {
      const list = selectedDataplanes(deps, kind);
      app.get(`${item}/_resources/dataplanes`, list);
      app.get(`${item}/-resources/dataplanes`, list);
      if (kind.type === "MeshService") app.get(`${item}/_dataplanes`, list);
    }
    if (kind.policy?.isTargetRef) app.get(`${item}/dataplanes`, legacyDataplanes(deps, kind));
    app.get(`${item}/_hostnames`, hostnames(deps, kind));
  }
}

/** Whether resources of a kind stand for some of the proxies. */
export function selectsDataplanes({ type, policy }: KindDefinition): boolean {
  return policy?.isTargetRef === true || type === "MeshService" || type === "MeshGateway";
}

function requireItem(deps: ApiDeps, kind: KindDefinition, request: FastifyRequest): Resource {
  const mesh = param(request, "mesh");
  requireMesh(deps, mesh);
  const found = deps.store.get({ type: kind.type, mesh, name: param(request, "name") });
  if (!found) throw notFound(titles.retrieve);
  return found;
}

function selected(deps: ApiDeps, resource: Resource, request: FastifyRequest): readonly Resource[] {
  const name = queryOf(request).get("name") ?? "";
  return deps.plans
    .selectedBy(resource)
    .flatMap((key) => deps.store.get(key) ?? [])
    .filter((dataplane) => dataplane.name.includes(name));
}

function selectedDataplanes(deps: ApiDeps, kind: KindDefinition) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const resource = requireItem(deps, kind, request);
    requireResourceAccess(request, deps, kind);
    const { total, items, next } = pageOf(request, selected(deps, resource, request));
    return sendJson(reply, 200, {
      total,
      items: items.map((dataplane) => metaOf(deps, dataplane)),
      ...(next === null ? {} : { next }),
    });
  };
}

function legacyDataplanes(deps: ApiDeps, kind: KindDefinition) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const items = selected(deps, requireItem(deps, kind, request), request).map(({ mesh, name }) => ({
      kind: "SidecarDataplane",
      dataplane: { mesh, name },
      attachments: [{ type: "dataplane" }],
    }));
    return sendJson(reply, 200, { total: items.length, items });
  };
}

/** The proxies that serve a MeshGateway. */
function servedBy(deps: ApiDeps, kind: KindDefinition) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    const items = selected(deps, requireItem(deps, kind, request), request).map(({ mesh, name }) => ({
      dataplane: { mesh, name },
    }));
    return sendJson(reply, 200, { total: items.length, items });
  };
}

function hostnames(deps: ApiDeps, kind: KindDefinition) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (!HOSTNAME_KINDS.includes(kind.type)) {
      throw new Problem(
        400,
        `hostnames are available for ${HOSTNAME_KINDS.join(", ")} only`,
        `${kind.type} has no hostnames`,
      );
    }
    const resource = requireItem(deps, kind, request);
    // A name is given by the zone that looks at a service, be it its own or another's.
    const zones = [{ name: deps.settings.zone }];
    const addresses = records(child(resource, "status").addresses);
    const items = addresses.map((address) => ({ hostname: text(address, "hostname"), zones }));
    return sendJson(reply, 200, { items, total: items.length });
  };
}
