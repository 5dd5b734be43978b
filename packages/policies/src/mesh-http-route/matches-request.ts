import { type HeaderMatch, matchesHeader } from "../header-match.ts";
import { coversText } from "../re2/covers-text.ts";
import type { HttpMatch } from "./conf.ts";
import type { HttpRoutePlan, HttpRoutesPlan } from "./plan.ts";
import { type HttpRequest, splitPath } from "./request.ts";

/** The route that takes a request: the first whose match holds; none leaves it to the destination. */
export function routeFor({ routes }: HttpRoutesPlan, request: HttpRequest): HttpRoutePlan | undefined {
  return routes.find(({ match }) => matchesRequest(match, request));
}

/** Whether a match takes a request: what Envoy decides from `routeMatch` of the same match. */
export function matchesRequest(match: HttpMatch, { method, path: whole, headers }: HttpRequest): boolean {
  const { path, query } = splitPath(whole);
  return (
    matchesPath(match.path, path) &&
    (match.method === undefined || match.method === method) &&
    firstOfEachName(match.headers ?? []).every((header) => matchesHeader(header, headers[header.name])) &&
    matchesQuery(match.queryParams ?? [], query)
  );
}

function matchesPath(wanted: HttpMatch["path"], path: string): boolean {
  switch (wanted?.type) {
    case "Exact":
      return path === wanted.value;
    case "PathPrefix":
      return wanted.value === "/" || path === wanted.value || path.startsWith(`${wanted.value}/`);
    case "RegularExpression":
      return coversText(wanted.value, path);
    default:
      return true;
  }
}

function firstOfEachName(headers: readonly HeaderMatch[]): readonly HeaderMatch[] {
  return headers.filter(({ name }, i) => headers.findIndex((other) => other.name === name) === i);
}

/** The first value of each name counts, as it is written: nothing is unescaped. */
function matchesQuery(wanted: NonNullable<HttpMatch["queryParams"]>, query: string): boolean {
  if (wanted.length === 0) return true;
  const values = new Map<string, string>();
  for (const part of query.slice(1).split("&")) {
    const [name = "", ...rest] = part.split("=");
    if (part !== "" && !values.has(name)) values.set(name, rest.join("="));
  }
  return wanted.every(({ name, type, value }) => {
    const is = values.get(name);
    if (is === undefined) return false;
    return type === "Exact" ? is === value : coversText(value, is);
  });
}
