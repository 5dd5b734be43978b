import type { HeaderMatcher, RouteMatch } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { StringMatcher } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";

/** A request as it reaches Envoy's router. */
export interface RoutedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Evaluates a route match as Envoy does, from the configuration alone. */
export function envoyMatches(match: RouteMatch, request: RoutedRequest): boolean {
  const url = new URL(`http://host${request.path}`);
  const headers = { ...request.headers, ":method": request.method };
  return (
    pathMatches(match, url.pathname) &&
    match.headers.every((matcher) => headerMatches(matcher, headers)) &&
    match.queryParameters.every(({ name, queryParameterMatchSpecifier: specifier }) => {
      const value = url.searchParams.get(name);
      return value !== null && specifier.case === "stringMatch" && stringMatches(specifier.value, value);
    })
  );
}

function pathMatches({ pathSpecifier }: RouteMatch, path: string): boolean {
  switch (pathSpecifier.case) {
    case "path":
      return path === pathSpecifier.value;
    case "prefix":
      return path.startsWith(pathSpecifier.value);
    case "pathSeparatedPrefix":
      return `${path}/`.startsWith(`${pathSpecifier.value}/`);
    case "safeRegex":
      return covers(pathSpecifier.value.regex, path);
    default:
      throw new Error(`a path specifier that routes do not use: ${pathSpecifier.case}`);
  }
}

function headerMatches(
  { name, headerMatchSpecifier: specifier }: HeaderMatcher,
  headers: Readonly<Record<string, string>>,
): boolean {
  const value = headers[name];
  if (specifier.case === "presentMatch") return (value !== undefined) === specifier.value;
  return value !== undefined && specifier.case === "stringMatch" && stringMatches(specifier.value, value);
}

function stringMatches({ matchPattern: pattern }: StringMatcher, text: string): boolean {
  switch (pattern.case) {
    case "exact":
      return text === pattern.value;
    case "prefix":
      return text.startsWith(pattern.value);
    case "safeRegex":
      return covers(pattern.value.regex, text);
    default:
      throw new Error(`a pattern that routes do not use: ${pattern.case}`);
  }
}

function covers(regex: string, text: string): boolean {
  return new RegExp(regex, "u").exec(text)?.[0] === text || new RegExp(`^(${regex})$`, "u").test(text);
}
