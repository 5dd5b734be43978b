import type { FastifyRequest } from "fastify";
import { Problem, titles } from "./problem.ts";

/** Query parameters with every value of a repeated one, in order. */
export function queryOf(request: FastifyRequest): URLSearchParams {
  const mark = request.url.indexOf("?");
  return new URLSearchParams(mark < 0 ? "" : request.url.slice(mark + 1));
}

/** Path of the request without the query. */
export function pathOf(request: FastifyRequest): string {
  const mark = request.url.indexOf("?");
  return mark < 0 ? request.url : request.url.slice(0, mark);
}

/** One decoded path parameter of the route. */
export function param(request: FastifyRequest, name: string): string {
  const params = request.params;
  if (typeof params !== "object" || params === null) return "";
  const value: unknown = Reflect.get(params, name);
  return typeof value === "string" ? value : "";
}

/** The route as documents write it: `/meshes/{mesh}/dataplanes`. */
export function routeTemplate(request: FastifyRequest): string {
  return (request.routeOptions.url ?? "").replaceAll(/:(\w+)/g, "{$1}");
}

/**
 * A boolean query parameter; `fallback` where it is absent or empty.
 * @throws Problem 400
 */
export function booleanQuery(
  query: URLSearchParams,
  name: string,
  fallback: boolean,
  title: string,
): boolean {
  const value = query.get(name);
  if (value === null || value === "") return fallback;
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new Problem(400, title, `bad request: unsupported value for query parameter '${name}'`, [
    { field: name, reason: `"${value}" is not a boolean: use true or false` },
  ]);
}

/** The address that the client used, up to the path: `http://localhost:5681`. */
export function clientOrigin(request: FastifyRequest): string {
  const host = request.headers.host ?? `${request.socket.localAddress}:${request.socket.localPort}`;
  return `${isTls(request) ? "https" : "http"}://${host}`;
}

/** Whether the connection itself is TLS; what a proxy in front claims does not count. */
export function isTls(request: FastifyRequest): boolean {
  return "encrypted" in request.socket && request.socket.encrypted === true;
}

/** `titles.list`, where every problem of a list's parameters belongs. */
export function listProblem(detail: string, field: string, reason: string): Problem {
  return new Problem(400, titles.list, detail, [{ field, reason }]);
}
