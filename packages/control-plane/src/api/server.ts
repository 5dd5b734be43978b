import type { ServerOptions as HttpsOptions } from "node:https";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { StoreError } from "../store/store.ts";
import { authenticateRequests } from "./authentication.ts";
import { readBodiesAsBytes, UnsupportedMediaType } from "./body.ts";
import { allowOrigins } from "./cors.ts";
import type { ApiDeps } from "./deps.ts";
import { sendJson, sendText } from "./json.ts";
import { Problem, problemBody, titles } from "./problem.ts";
import { registerRoutes } from "./routes.ts";

export interface ApiOptions {
  /** Serves HTTPS with these certificates; plain HTTP where absent. */
  readonly tls?: HttpsOptions;
}

/**
 * The HTTP API as a server that does not listen yet: call `listen`, and `close` to stop after the requests in flight
 * are answered. HTTP and HTTPS are two instances over the same dependencies.
 */
export function createApi(deps: ApiDeps, options: ApiOptions = {}): FastifyInstance {
  const common = {
    exposeHeadRoutes: false,
    requestTimeout: 30_000,
    forceCloseConnections: "idle" as const,
    return503OnClosing: true,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 4096 },
    frameworkErrors: (_error: Error, _request: FastifyRequest, reply: FastifyReply) => {
      sendText(reply, 404, "404: Page Not Found");
    },
  };
  // The two branches differ in a type parameter only; nothing here depends on it.
  const app = options.tls
    ? (fastify({ ...common, https: options.tls }) as unknown as FastifyInstance)
    : fastify(common);
  readBodiesAsBytes(app);
  const isKnownPath = knownPaths(app);
  app.setNotFoundHandler((request, reply) =>
    isKnownPath(request.url)
      ? sendText(reply, 405, "405: Method Not Allowed")
      : sendText(reply, 404, "404: Page Not Found"),
  );
  app.setErrorHandler((error, request, reply) => answerError(deps, error, request, reply));
  allowOrigins(app, deps.settings.corsAllowedDomains);
  authenticateRequests(app, deps);
  const prefix = deps.settings.basePath.replace(/\/+$/, "");
  app.register(async (routes) => registerRoutes(routes, deps), prefix === "" ? {} : { prefix });
  return app;
}

/** Tells whether a path has a route for some method. Paths are compared by segment, as the router does. */
function knownPaths(app: FastifyInstance): (url: string) => boolean {
  const patterns = new Map<string, readonly string[]>();
  app.addHook("onRoute", ({ url }) => {
    patterns.set(url, segmentsOf(url));
  });
  return (url) => {
    const segments = segmentsOf(url.split("?", 1)[0] ?? "");
    return [...patterns.values()].some((pattern) => matchesPattern(pattern, segments));
  };
}

function segmentsOf(path: string): readonly string[] {
  return path.split("/").filter((segment) => segment !== "");
}

function matchesPattern(pattern: readonly string[], segments: readonly string[]): boolean {
  const isOpen = pattern.at(-1) === "*";
  if (isOpen ? segments.length < pattern.length - 1 : segments.length !== pattern.length) return false;
  return pattern.every((part, index) => part === "*" || part.startsWith(":") || part === segments[index]);
}

function answerError(
  deps: ApiDeps,
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof UnsupportedMediaType || statusOf(error) === 415)
    return sendText(reply, 415, "415: Unsupported Media Type");
  const problem = toProblem(error);
  if (problem.status >= 500) {
    deps.log.error({ err: error, method: request.method, path: request.url }, "request failed");
  }
  return sendJson(reply, problem.status, problemBody(problem));
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof StoreError) {
    if (error.code === "unavailable") return new Problem(503, titles.unavailable, error.message);
    if (error.code === "not-found") return new Problem(404, titles.retrieve, "Not found");
    if (error.code !== "corrupt") return new Problem(409, titles.conflict, error.message);
  }
  const status = statusOf(error);
  if (status !== undefined && status >= 400 && status < 500) {
    return new Problem(status, titles.badRequest, error instanceof Error ? error.message : "");
  }
  return new Problem(500, titles.process, "Internal Server Error");
}

/** The HTTP status that fastify gave one of its own errors. */
function statusOf(error: unknown): number | undefined {
  const status = error instanceof Error && "statusCode" in error ? error.statusCode : undefined;
  return typeof status === "number" ? status : undefined;
}
