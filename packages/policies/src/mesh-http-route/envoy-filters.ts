import { create } from "@bufbuild/protobuf";
import { BoolValueSchema } from "@bufbuild/protobuf/wkt";
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
  HeaderValueOptionSchema,
  HeaderValueSchema,
  RuntimeFractionalPercentSchema,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  RouteAction_RequestMirrorPolicySchema as MirrorSchema,
  type RedirectAction,
  RedirectActionSchema,
  RedirectAction_RedirectResponseCode as RedirectCode,
  type Route,
  type RouteAction,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import {
  type RegexMatchAndSubstitute,
  RegexMatchAndSubstituteSchema,
  RegexMatcherSchema,
} from "@skein/envoy-api/envoy/type/matcher/v3/regex_pb";
import { fractionalPercent } from "../envoy-values.ts";
import { headerText } from "../header-text.ts";
import { quotedText } from "../re2/quoted.ts";
import type {
  HeaderModifier,
  HttpMatch,
  NamedValue,
  PathRewrite,
  RequestRedirect,
  UrlRewrite,
} from "./conf.ts";

/** Changes the headers of a request on its way out. */
export function modifyRequest(route: Route, { set, add, remove }: HeaderModifier): void {
  route.requestHeadersToAdd.push(...headers(set, add));
  route.requestHeadersToRemove.push(...(remove ?? []));
}

/** Changes the headers of a response on its way back. */
export function modifyResponse(route: Route, { set, add, remove }: HeaderModifier): void {
  route.responseHeadersToAdd.push(...headers(set, add));
  route.responseHeadersToRemove.push(...(remove ?? []));
}

/** Answers with a redirect. */
export function redirect(conf: RequestRedirect, match: HttpMatch): RedirectAction {
  const action = create(RedirectActionSchema, { responseCode: CODES[conf.statusCode ?? 302] });
  if (conf.scheme !== undefined)
    action.schemeRewriteSpecifier = { case: "schemeRedirect", value: conf.scheme };
  if (conf.hostname !== undefined) action.hostRedirect = conf.hostname;
  if (conf.port !== undefined) action.portRedirect = conf.port;
  if (conf.path?.type === "ReplaceFullPath") {
    action.pathRewriteSpecifier = { case: "pathRedirect", value: conf.path.replaceFullPath || "/" };
  } else if (conf.path !== undefined) {
    action.pathRewriteSpecifier = prefixRewrite(conf.path, match);
  }
  return action;
}

/** Changes host and path of a request on its way out. */
export function rewrite(
  action: RouteAction,
  { hostname, hostToBackendHostname, path }: UrlRewrite,
  match: HttpMatch,
): void {
  if (hostname !== undefined) action.hostRewriteSpecifier = { case: "hostRewriteLiteral", value: hostname };
  else if (hostToBackendHostname === true) {
    const value = create(BoolValueSchema, { value: true });
    action.hostRewriteSpecifier = { case: "autoHostRewrite", value };
  }
  if (path === undefined) return;
  const specifier: PrefixRewrite =
    path.type === "ReplaceFullPath"
      ? { case: "regexRewrite", value: substitution("^.*$", path.replaceFullPath || "/") }
      : prefixRewrite(path, match);
  // Envoy takes one of them, and of several filters the last counts.
  action.prefixRewrite = "";
  delete action.regexRewrite;
  if (specifier.case === "prefixRewrite") action.prefixRewrite = specifier.value;
  else action.regexRewrite = specifier.value;
}

/** Sends copies of a share of the requests. */
export function mirror(action: RouteAction, cluster: string, percentage: number | string | undefined): void {
  const policy = create(MirrorSchema, { cluster });
  if (percentage !== undefined) {
    policy.runtimeFraction = create(RuntimeFractionalPercentSchema, {
      defaultValue: fractionalPercent(percentage),
    });
  }
  action.requestMirrorPolicies.push(policy);
}

const CODES: Readonly<Record<301 | 302 | 303 | 307 | 308, RedirectCode>> = {
  301: RedirectCode.MOVED_PERMANENTLY,
  302: RedirectCode.FOUND,
  303: RedirectCode.SEE_OTHER,
  307: RedirectCode.TEMPORARY_REDIRECT,
  308: RedirectCode.PERMANENT_REDIRECT,
};

type PrefixRewrite =
  | { readonly case: "prefixRewrite"; readonly value: string }
  | { readonly case: "regexRewrite"; readonly value: RegexMatchAndSubstitute };

/**
 * Another prefix in place of the matched one, whole segments on both sides: with `/v1` replaced by `/v2`, `/v1/x`
 * becomes `/v2/x`, and by `/` it becomes `/x`.
 */
function prefixRewrite({ replacePrefixMatch = "" }: PathRewrite, { path }: HttpMatch): PrefixRewrite {
  const wanted = replacePrefixMatch.replace(/\/$/, "");
  if (path?.value === "/") return { case: "prefixRewrite", value: `${wanted}/` };
  if (wanted !== "") return { case: "prefixRewrite", value: wanted };
  return { case: "regexRewrite", value: substitution(`^${quotedText(path?.value ?? "")}/?`, "/") };
}

function substitution(regex: string, text: string): RegexMatchAndSubstitute {
  return create(RegexMatchAndSubstituteSchema, {
    pattern: create(RegexMatcherSchema, { regex }),
    substitution: text.replaceAll("\\", "\\\\"),
  });
}

function headers(set: readonly NamedValue[] = [], add: readonly NamedValue[] = []): HeaderValueOption[] {
  const option = (action: AppendAction) => (value: NamedValue) =>
    create(HeaderValueOptionSchema, {
      header: create(HeaderValueSchema, { key: value.name, value: headerText(value.value) }),
      appendAction: action,
    });
  return [
    ...set.map(option(AppendAction.OVERWRITE_IF_EXISTS_OR_ADD)),
    ...add.map(option(AppendAction.APPEND_IF_EXISTS_OR_ADD)),
  ];
}
