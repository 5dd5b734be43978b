import {
  type BackendRef,
  isIp,
  type Violation,
  validateBackendRef,
  validatePercent,
  validateUnique,
} from "@skein/model";
import { BACKEND_KINDS, MIRROR_KINDS, weightViolations } from "../engine/backends.ts";
import type { ConfContext } from "../engine/policy-kind.ts";
import { headerMatchViolations } from "../header-match-schema.ts";
import { isHeaderName } from "../header-name.ts";
import { regexViolations } from "../re2/violations.ts";
import type { HeaderModifier, HttpMatch, HttpRouteFilter, HttpRule, PathRewrite } from "./conf.ts";

/** What is wrong with the rules of one `to` entry. */
export function validateRules(
  rules: readonly HttpRule[],
  path: string,
  context: ConfContext,
): readonly Violation[] {
  return rules.flatMap((rule, i) => validateRule(rule, `${path}[${i}]`, context));
}

function validateRule(
  { matches, default: conf }: HttpRule,
  path: string,
  { topKind }: ConfContext,
): readonly Violation[] {
  const isGateway = topKind === "MeshGateway";
  const filters = conf.filters ?? [];
  const redirects = filters.some(({ type }) => type === "RequestRedirect");
  const backendRefs = conf.backendRefs ?? [];
  return [
    ...matches.flatMap((match, i) => validateMatch(match, `${path}.matches[${i}]`)),
    ...filters.flatMap((filter, i) =>
      validateFilter(filter, `${path}.default.filters[${i}]`, { matches, isGateway, redirects }),
    ),
    ...backendRefs.flatMap((ref, i) =>
      validateBackendRef(ref as BackendRef, {
        path: `${path}.default.backendRefs[${i}]`,
        kinds: BACKEND_KINDS,
      }),
    ),
    ...weightViolations(backendRefs, `${path}.default.backendRefs`),
    ...(isGateway && backendRefs.length === 0 && !redirects
      ? [
          {
            field: `${path}.default.backendRefs`,
            reason: "must not be empty when targetRef.kind is MeshGateway",
          },
        ]
      : []),
  ];
}

function validateMatch({ path, headers, queryParams }: HttpMatch, at: string): readonly Violation[] {
  return [
    ...(path === undefined ? [] : validatePath(path.type, path.value, `${at}.path.value`)),
    ...headerMatchViolations(headers, `${at}.headers`),
    ...(queryParams ?? []).flatMap(({ type, value }, i) =>
      type === "RegularExpression" ? regexViolations(value, `${at}.queryParams[${i}].value`) : [],
    ),
    ...validateUnique(
      queryParams ?? [],
      ({ name }) => name,
      (i) => `${at}.queryParams[${i}].name`,
      (name) => `multiple entries for name ${name}`,
    ),
  ];
}

function validatePath(type: string, value: string, field: string): readonly Violation[] {
  if (type === "RegularExpression") return regexViolations(value, field);
  if (!value.startsWith("/")) return [{ field, reason: "must be an absolute path" }];
  if (/[?#]/.test(value)) {
    return [
      {
        field,
        reason: "must not contain ? or #: a path ends there; match a query with queryParams",
      },
    ];
  }
  if (type === "PathPrefix" && value !== "/" && value.endsWith("/")) {
    return [
      {
        field,
        reason:
          "does not need a trailing slash because only a `/`-separated prefix or an entire path is matched",
      },
    ];
  }
  return [];
}

const FIELD_OF: Readonly<Record<HttpRouteFilter["type"], keyof HttpRouteFilter>> = {
  RequestHeaderModifier: "requestHeaderModifier",
  ResponseHeaderModifier: "responseHeaderModifier",
  RequestRedirect: "requestRedirect",
  URLRewrite: "urlRewrite",
  RequestMirror: "requestMirror",
};

interface FilterContext {
  readonly matches: readonly HttpMatch[];
  readonly isGateway: boolean;
  /** Some filter of the rule answers with a redirect. */
  readonly redirects: boolean;
}

function validateFilter(filter: HttpRouteFilter, path: string, context: FilterContext): readonly Violation[] {
  const own = FIELD_OF[filter.type];
  const violations: Violation[] = [];
  for (const field of Object.values(FIELD_OF)) {
    if (field === own && filter[field] === undefined) {
      violations.push({ field: `${path}.${field}`, reason: `must be set when type is ${filter.type}` });
    } else if (field !== own && filter[field] !== undefined) {
      violations.push({ field: `${path}.${field}`, reason: `must not be set when type is ${filter.type}` });
    }
  }
  if (violations.length > 0) return violations;
  const at = `${path}.${own}`;
  if (context.redirects && (filter.type === "URLRewrite" || filter.type === "RequestMirror")) {
    return [
      { field: at, reason: "has no effect beside a RequestRedirect: the request is answered, not sent on" },
    ];
  }
  switch (filter.type) {
    case "RequestHeaderModifier":
    case "ResponseHeaderModifier":
      return validateModifier(
        (filter.requestHeaderModifier ?? filter.responseHeaderModifier) as HeaderModifier,
        at,
      );
    case "RequestRedirect":
      return [
        ...(isIp(filter.requestRedirect?.hostname ?? "")
          ? [{ field: `${at}.hostname`, reason: "must be a DNS name, not an IP address" }]
          : []),
        ...validateRewrite(filter.requestRedirect?.path, `${at}.path`, context),
      ];
    case "URLRewrite":
      return validateUrlRewrite(filter, at, context);
    case "RequestMirror":
      return [
        ...validateBackendRef(filter.requestMirror?.backendRef as BackendRef, {
          path: `${at}.backendRef`,
          kinds: MIRROR_KINDS,
        }),
        ...validatePercent(filter.requestMirror?.percentage, `${at}.percentage`),
      ];
  }
}

function validateUrlRewrite(
  { urlRewrite }: HttpRouteFilter,
  at: string,
  context: FilterContext,
): readonly Violation[] {
  const violations = [...validateRewrite(urlRewrite?.path, `${at}.path`, context)];
  if (urlRewrite?.hostToBackendHostname !== undefined && !context.isGateway) {
    violations.push({
      field: `${at}.hostToBackendHostname`,
      reason: "can only be set with MeshGateway",
    });
  }
  if (urlRewrite?.hostToBackendHostname === true && urlRewrite.hostname !== undefined) {
    violations.push({ field: at, reason: "must have at most one of hostname and hostToBackendHostname" });
  }
  if (
    urlRewrite?.hostname === undefined &&
    urlRewrite?.path === undefined &&
    urlRewrite?.hostToBackendHostname === undefined
  ) {
    violations.push({ field: at, reason: "must have at least one of hostname and path" });
  }
  return violations;
}

function validateModifier(
  { set = [], add = [], remove = [] }: HeaderModifier,
  at: string,
): readonly Violation[] {
  if (set.length + add.length + remove.length === 0) {
    return [{ field: at, reason: "must have at least one defined: set, add, remove" }];
  }
  const names = [
    ...set.map(({ name }, i) => ({ name, field: `${at}.set[${i}].name` })),
    ...add.map(({ name }, i) => ({ name, field: `${at}.add[${i}].name` })),
    ...remove.map((name, i) => ({ name: name.toLowerCase(), field: `${at}.remove[${i}]` })),
  ];
  return [
    ...names.flatMap(({ name, field }) => validateChanged(name, field)),
    ...validateUnique(
      names,
      ({ name }) => name,
      (i) => names[i]?.field ?? at,
      (name) => `header ${name} must be modified only once`,
    ),
  ];
}

/** Envoy routes by the host, so it lets no filter of headers change it. */
function validateChanged(name: string, field: string): readonly Violation[] {
  if (!isHeaderName(name)) return [{ field, reason: "must be the name of a header" }];
  const reason = "host cannot be changed here; use a filter of type URLRewrite with hostname";
  return name === "host" ? [{ field, reason }] : [];
}

function validateRewrite(
  path: PathRewrite | undefined,
  at: string,
  { matches }: FilterContext,
): readonly Violation[] {
  if (path === undefined) return [];
  const [own, other] =
    path.type === "ReplaceFullPath"
      ? (["replaceFullPath", "replacePrefixMatch"] as const)
      : (["replacePrefixMatch", "replaceFullPath"] as const);
  const violations: Violation[] = [];
  const value = path[own];
  if (value === undefined)
    violations.push({ field: `${at}.${own}`, reason: `must be set when type is ${path.type}` });
  else if (value !== "" && !value.startsWith("/"))
    violations.push({ field: `${at}.${own}`, reason: "must be an absolute path" });
  if (path[other] !== undefined)
    violations.push({ field: `${at}.${other}`, reason: `must not be set when type is ${path.type}` });
  if (path.type === "ReplacePrefixMatch" && matches.some((match) => match.path?.type !== "PathPrefix")) {
    violations.push({ field: `${at}.type`, reason: "can only appear if all matches match a path prefix" });
  }
  return violations;
}
