import type { ResourceKey } from "@skein/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { requireAction } from "./authentication.ts";
import type { ApiDeps } from "./deps.ts";
import { sendJson } from "./json.ts";
import type { AdminAnswer } from "./ports.ts";
import { notFound, Problem, titles } from "./problem.ts";
import { booleanQuery, param, queryOf } from "./query.ts";
import { requireMesh } from "./source.ts";

/** Header of a configuration dump: what Envoy holds, or what it should hold where it cannot be asked. */
const SOURCE = "skein-config-source";

/** What a proxy holds and counts: its configuration from the control plane, the rest from Envoy's admin interface. */
export function registerEnvoyAdmin(app: FastifyInstance, deps: ApiDeps): void {
  const base = "/meshes/:mesh/dataplanes/:name";
  app.get(`${base}/xds`, async (request, reply) => {
    const key = requireDataplane(request, deps);
    requireAction(request, deps, "viewConfigDump");
    const includeEds = booleanQuery(queryOf(request), "include_eds", false, titles.admin);
    const answer = await deps.envoyAdmin.configDump(key, { includeEds });
    const wanted = answer.kind === "unreachable" ? await deps.plans.xds(key, { includeEds }) : undefined;
    if (answer.kind === "answer") reply.header(SOURCE, "envoy");
    if (wanted === undefined) return passOn(reply, answer, deps);
    return sendJson(reply.header(SOURCE, "control-plane"), 200, wanted);
  });
  app.get(`${base}/stats`, async (request, reply) => {
    const key = requireDataplane(request, deps);
    requireAction(request, deps, "viewStats");
    const query = queryOf(request);
    const usedOnly = booleanQuery(query, "usedonly", true, titles.admin);
    return passOn(reply, await deps.envoyAdmin.stats(key, { usedOnly, json: isJson(query) }), deps);
  });
  app.get(`${base}/clusters`, async (request, reply) => {
    const key = requireDataplane(request, deps);
    requireAction(request, deps, "viewClusters");
    return passOn(reply, await deps.envoyAdmin.clusters(key, { json: isJson(queryOf(request)) }), deps);
  });
}

/**
 * The Dataplane of the URL.
 * @throws Problem 404
 */
export function requireDataplane(request: FastifyRequest, deps: ApiDeps): ResourceKey {
  const mesh = param(request, "mesh");
  requireMesh(deps, mesh);
  const found = deps.store.get({ type: "Dataplane", mesh, name: param(request, "name") });
  if (!found) throw notFound(titles.retrieve);
  return { type: found.type, mesh: found.mesh, name: found.name };
}

function isJson(query: URLSearchParams): boolean {
  return query.get("format") === "json";
}

function passOn(reply: FastifyReply, answer: AdminAnswer, { log }: ApiDeps): FastifyReply {
  if (answer.kind === "unreachable") {
    log.error({ reason: answer.message }, "admin interface of a proxy cannot be reached");
    throw new Problem(500, titles.admin, "Internal Server Error");
  }
  return reply.header("content-type", answer.contentType).send(answer.body);
}
