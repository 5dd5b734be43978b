import type { FastifyInstance } from "fastify";
import type { Question } from "../explain/explanation.ts";
import type { ApiDeps } from "./deps.ts";
import { sendJson } from "./json.ts";
import { Problem, titles } from "./problem.ts";
import { param, queryOf } from "./query.ts";
import { requireMesh } from "./source.ts";

const TITLE = "Could not explain the request";

/** `GET /meshes/{mesh}/_explain`: what would happen to a request. */
export function registerExplain(app: FastifyInstance, deps: ApiDeps): void {
  app.get("/meshes/:mesh/_explain", async (request, reply) => {
    const mesh = requireMesh(deps, param(request, "mesh"));
    const answer = deps.plans.explain(questionOf(mesh.name, queryOf(request)));
    if (answer.ok) return sendJson(reply, 200, answer.value);
    const { kind, field, message } = answer.error;
    throw new Problem(kind === "unknown" ? 404 : 400, TITLE, message, [{ field, reason: message }]);
  });
}

function questionOf(mesh: string, query: URLSearchParams): Question {
  const port = query.get("port");
  return {
    mesh,
    source: required(query, "source"),
    destination: required(query, "destination"),
    ...(port === null ? {} : { port: portOf(port) }),
    method: (query.get("method") ?? "GET").toUpperCase(),
    path: query.get("path") ?? "/",
    headers: Object.fromEntries(query.getAll("header").map(headerOf)),
  };
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value !== null && value !== "") return value;
  throw invalid(name, "must be given: a dataplane or the name of its workload");
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw invalid("port", `"${text}" is not a port`);
}

function headerOf(text: string): readonly [string, string] {
  const at = text.search(/[:=]/);
  if (at > 0) return [text.slice(0, at).trim().toLowerCase(), text.slice(at + 1).trim()];
  throw invalid("header", `"${text}" must be a name and a value, such as x-user=anna`);
}

function invalid(field: string, reason: string): Problem {
  return new Problem(400, titles.badRequest, `bad request: query parameter '${field}'`, [{ field, reason }]);
}
