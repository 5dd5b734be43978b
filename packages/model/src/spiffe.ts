/** A parsed SPIFFE ID. `path` is empty or starts with `/`. */
export interface SpiffeId {
  readonly trustDomain: string;
  readonly path: string;
}

const SCHEME = "spiffe://";
const SEGMENT = /^[a-zA-Z0-9.\-_]+$/;

/** What keeps a text from being a trust domain name (SPIFFE ID §2.1), or `undefined`. */
export function trustDomainProblem(text: string): string | undefined {
  if (text === "") return "trust domain cannot be empty";
  if (text.length > 255) return "trust domain cannot be longer than 255 characters";
  if (!/^[a-z0-9.\-_]+$/.test(text)) {
    return "trust domain must consist of lower case letters, digits, '.', '-' and '_'";
  }
  return undefined;
}

/** What keeps a text from being the path of a SPIFFE ID (§2.2), or `undefined`. The empty path is one. */
export function spiffePathProblem(path: string): string | undefined {
  if (path === "") return undefined;
  if (!path.startsWith("/")) return "path must start with '/'";
  for (const segment of path.slice(1).split("/")) {
    if (segment === "") return "path cannot have empty segments or end with '/'";
    if (segment === "." || segment === "..") return "path cannot have '.' or '..' as a segment";
    if (!SEGMENT.test(segment)) return "path segments must consist of letters, digits, '.', '-' and '_'";
  }
  return undefined;
}

/** What keeps a text from being a SPIFFE ID, or `undefined`. */
export function spiffeIdProblem(text: string): string | undefined {
  if (!text.startsWith(SCHEME)) return `SPIFFE ID must start with ${SCHEME}`;
  if (text.length > 2048) return "SPIFFE ID cannot be longer than 2048 characters";
  const { trustDomain, path } = split(text);
  return trustDomainProblem(trustDomain) ?? spiffePathProblem(path);
}

/** A SPIFFE ID's parts; `undefined` where `spiffeIdProblem` names a problem. */
export function parseSpiffeId(text: string): SpiffeId | undefined {
  return spiffeIdProblem(text) === undefined ? split(text) : undefined;
}

/** The text of a SPIFFE ID. */
export function formatSpiffeId(id: SpiffeId): string {
  return `${SCHEME}${id.trustDomain}${id.path}`;
}

/**
 * Whether `id` matches. `Prefix` counts whole path segments, so `spiffe://td/ns/a` matches itself and what is below it
 * but not `spiffe://td/ns/ab`, and a bare trust domain matches that trust domain only. Kuma compares characters.
 */
export function matchesSpiffeId(
  match: { readonly type: "Exact" | "Prefix"; readonly value: string },
  id: string,
): boolean {
  if (id === match.value) return true;
  return match.type === "Prefix" && id.startsWith(belowSpiffeId(match.value));
}

/** What all ids below this one begin with, and no other id: a prefix ends where a path segment does. */
export function belowSpiffeId(id: string): string {
  return id.endsWith("/") ? id : `${id}/`;
}

function split(text: string): SpiffeId {
  const rest = text.slice(SCHEME.length);
  const slash = rest.indexOf("/");
  return slash < 0
    ? { trustDomain: rest, path: "" }
    : { trustDomain: rest.slice(0, slash), path: rest.slice(slash) };
}
