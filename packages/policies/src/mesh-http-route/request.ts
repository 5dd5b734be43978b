/** A request as routes look at it. */
export interface HttpRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The path without its query, and the query with its question mark. */
export function splitPath(path: string): { readonly path: string; readonly query: string } {
  const at = path.indexOf("?");
  return at === -1 ? { path, query: "" } : { path: path.slice(0, at), query: path.slice(at) };
}

/** The path as a caller's proxy reads it before it looks for a route: `.` and `..` are gone, `\` is `/`. */
export function normalizedPath(whole: string): string {
  const { path, query } = splitPath(whole);
  if (!/[\\]|\/(\.|%2e)/i.test(path)) return whole;
  return `${new URL(`http://host${path}`).pathname}${query}`;
}
