import type { HttpMatch, HttpRouteFilter, PathRewrite } from "./conf.ts";
import { type HttpRequest, splitPath } from "./request.ts";

/** What a request is answered with where a filter redirects it. */
export interface RedirectAnswer {
  readonly status: number;
  readonly location: string;
}

/** What an application gets to see of a request that filters may have rewritten. */
export interface SentRequest {
  readonly path: string;
  /** Absent: the host that the caller named. */
  readonly host?: string;
}

/** The answer of the filter that redirects, if one does; the last one counts. `host` is what the caller named. */
export function redirectAnswer(
  filters: readonly HttpRouteFilter[],
  match: HttpMatch,
  request: HttpRequest,
  host: string,
): RedirectAnswer | undefined {
  const conf = filters.findLast(({ requestRedirect }) => requestRedirect !== undefined)?.requestRedirect;
  if (conf === undefined) return undefined;
  const kept = conf.port === undefined ? host : host.replace(/:\d+$/, "");
  const at = `${conf.hostname ?? kept}${conf.port === undefined ? "" : `:${conf.port}`}`;
  return {
    status: conf.statusCode ?? 302,
    location: `${conf.scheme ?? "http"}://${at}${redirectPath(conf.path, match, request.path)}`,
  };
}

/** The request as it leaves the caller's proxy. */
export function sentRequest(
  filters: readonly HttpRouteFilter[],
  match: HttpMatch,
  request: HttpRequest,
): SentRequest {
  const rewrites = filters.flatMap(({ urlRewrite }) => urlRewrite ?? []);
  const host = rewrites.findLast(({ hostname }) => hostname !== undefined)?.hostname;
  const path = rewrites.findLast((rewrite) => rewrite.path !== undefined)?.path;
  return { path: replaced(path, match, request.path), ...(host === undefined ? {} : { host }) };
}

/** A redirect's own query replaces that of the request; a rewrite's does not. */
function redirectPath(rewrite: PathRewrite | undefined, match: HttpMatch, whole: string): string {
  const full = rewrite?.replaceFullPath;
  return full?.includes("?") ? full : replaced(rewrite, match, whole);
}

/** A path with another one in its place or in that of the matched prefix. Its query stays. */
function replaced(rewrite: PathRewrite | undefined, { path: wanted }: HttpMatch, whole: string): string {
  if (rewrite === undefined) return whole;
  const { path, query } = splitPath(whole);
  if (rewrite.type === "ReplaceFullPath") return `${rewrite.replaceFullPath || "/"}${query}`;
  const prefix = (wanted?.value ?? "").replace(/\/$/, "");
  const rest = path.slice(prefix.length);
  const replacement = (rewrite.replacePrefixMatch ?? "").replace(/\/$/, "");
  const joined = `${replacement}${rest}`;
  return `${joined.startsWith("/") ? joined : `/${joined}`}${query}`;
}
