import { create } from "@bufbuild/protobuf";
import {
  QueryParameterMatcherSchema,
  type RouteMatch,
  RouteMatchSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { RegexMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/regex_pb";
import { exactly, headerMatcher, wholly } from "../header-match.ts";
import type { HttpMatch } from "./conf.ts";

/** Which requests a route takes. Of conditions on one header only the first counts, as in the Gateway API. */
export function routeMatch({ path, method, headers = [], queryParams = [] }: HttpMatch): RouteMatch {
  const first = new Map(headers.toReversed().map((header) => [header.name, header]));
  return create(RouteMatchSchema, {
    pathSpecifier: pathSpecifier(path),
    headers: [
      ...(method === undefined ? [] : [headerMatcher({ name: ":method", type: "Exact", value: method })]),
      ...headers.filter((header) => first.get(header.name) === header).map(headerMatcher),
    ],
    queryParameters: queryParams.map(({ name, type, value }) =>
      create(QueryParameterMatcherSchema, {
        name,
        queryParameterMatchSpecifier: {
          case: "stringMatch",
          value: type === "Exact" ? exactly(value) : wholly(value),
        },
      }),
    ),
  });
}

/** A prefix means whole segments: `/api` is not a prefix of `/apis`. */
function pathSpecifier(path: HttpMatch["path"]): RouteMatch["pathSpecifier"] {
  switch (path?.type) {
    case "Exact":
      return { case: "path", value: path.value };
    case "RegularExpression":
      return { case: "safeRegex", value: create(RegexMatcherSchema, { regex: path.value }) };
    case "PathPrefix":
      return path.value === "/"
        ? { case: "prefix", value: "/" }
        : { case: "pathSeparatedPrefix", value: path.value };
    default:
      return { case: "prefix", value: "/" };
  }
}
