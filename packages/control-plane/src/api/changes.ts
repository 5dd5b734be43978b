import { parseDuration } from "@skein/model";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { ApiDeps } from "./deps.ts";
import { sendJson } from "./json.ts";
import { pageOf } from "./page.ts";
import { notFound, Problem, titles } from "./problem.ts";
import { param, queryOf } from "./query.ts";
import { requireMesh } from "./source.ts";

const MAXIMUM_WAIT_MS = 60_000;

/** How far writes have got, and what every proxy holds against what it should hold. */
export function registerChanges(app: FastifyInstance, deps: ApiDeps): void {
  const closing = new AbortController();
  app.addHook("preClose", async () => closing.abort());
  app.get("/_changes/:id", async (request, reply) => {
    const text = param(request, "id");
    if (!/^\d{1,15}$/.test(text)) throw notFound(titles.retrieve);
    const id = Number(text);
    const wait = waitOf(queryOf(request));
    if (!deps.changes.status(id)) throw notFound(titles.retrieve);
    if (wait > 0) await settledWithin(deps, id, wait, request, closing.signal);
    const status = deps.changes.status(id);
    if (!status) throw notFound(titles.retrieve);
    const { total, next, items } = pageOf(request, status.items);
    return sendJson(reply, 200, { ...status, total, next, items });
  });
  app.get("/_proxy-status", (request, reply) => proxyStatus(deps, request, reply));
  app.get("/meshes/:mesh/_proxy-status", (request, reply) => proxyStatus(deps, request, reply));
}

async function proxyStatus(
  deps: ApiDeps,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const mesh = param(request, "mesh");
  if (mesh !== "") requireMesh(deps, mesh);
  const name = queryOf(request).get("name") ?? "";
  const all = deps.proxies.list(mesh === "" ? undefined : mesh);
  return sendJson(
    reply,
    200,
    pageOf(request, name === "" ? all : all.filter((each) => each.name.includes(name))),
  );
}

/** Milliseconds of `wait`, 0 where it is absent, at most a minute. */
function waitOf(query: URLSearchParams): number {
  const text = query.get("wait") ?? "";
  if (text === "") return 0;
  const nanoseconds = parseDuration(text);
  if (nanoseconds === undefined || nanoseconds < 0n) {
    throw new Problem(400, titles.invalidRequest, "Resource is not valid", [
      { field: "wait", reason: `"${text}" is not a duration such as 500ms, 5s or 1m` },
    ]);
  }
  return Math.min(Number(nanoseconds / 1_000_000n), MAXIMUM_WAIT_MS);
}

/** Ends early when the client goes away or the server stops. */
async function settledWithin(
  deps: ApiDeps,
  id: number,
  wait: number,
  request: FastifyRequest,
  closing: AbortSignal,
): Promise<void> {
  const gone = new AbortController();
  const leave = () => gone.abort();
  request.raw.socket.once("close", leave);
  const timer = setTimeout(leave, wait);
  try {
    await deps.changes.settled(id, AbortSignal.any([gone.signal, closing]));
  } finally {
    clearTimeout(timer);
    request.raw.socket.off("close", leave);
    gone.abort();
  }
}
