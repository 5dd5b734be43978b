import type { HttpMatch } from "./conf.ts";

/**
 * Orders matches as they are tried: an exact path, then the longer prefix, then the longer expression, then no path;
 * then those with a method, with more headers, with more query parameters. What is equal stays in its order.
 */
export function compareMatches(a: HttpMatch, b: HttpMatch): number {
  return (
    pathRank(a) - pathRank(b) ||
    (b.path?.value.length ?? 0) - (a.path?.value.length ?? 0) ||
    Number(b.method !== undefined) - Number(a.method !== undefined) ||
    (b.headers?.length ?? 0) - (a.headers?.length ?? 0) ||
    (b.queryParams?.length ?? 0) - (a.queryParams?.length ?? 0)
  );
}

function pathRank({ path }: HttpMatch): number {
  switch (path?.type) {
    case "Exact":
      return 0;
    case "PathPrefix":
      return 1;
    case "RegularExpression":
      return 2;
    default:
      return 3;
  }
}

/** Whether a match is exactly the prefix `/`: who writes that takes every request. */
export function takesAll({ path, method, headers, queryParams }: HttpMatch): boolean {
  return (
    path?.type === "PathPrefix" &&
    path.value === "/" &&
    method === undefined &&
    (headers ?? []).length === 0 &&
    (queryParams ?? []).length === 0
  );
}
