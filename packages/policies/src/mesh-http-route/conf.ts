import type { BackendRef } from "@skein/model";
import type { HeaderMatch } from "../header-match.ts";

/** A rule of a MeshHTTPRoute: which requests, and what becomes of them. */
export interface HttpRule {
  /** Alternatives; at least one. */
  readonly matches: readonly HttpMatch[];
  readonly default: HttpRuleConf;
}

/** Every part that is set must hold. */
export interface HttpMatch {
  readonly path?:
    | { readonly type: "Exact" | "PathPrefix" | "RegularExpression"; readonly value: string }
    | undefined;
  readonly method?: string | undefined;
  readonly headers?: readonly HeaderMatch[] | undefined;
  readonly queryParams?:
    | readonly {
        readonly name: string;
        readonly type: "Exact" | "RegularExpression";
        readonly value: string;
      }[]
    | undefined;
}

export interface HttpRuleConf {
  readonly filters?: readonly HttpRouteFilter[] | undefined;
  /** Absent: the requests go where they were sent. */
  readonly backendRefs?: readonly BackendRef[] | undefined;
}

/** One of the fields that are named like `type`. */
export interface HttpRouteFilter {
  readonly type:
    | "RequestHeaderModifier"
    | "ResponseHeaderModifier"
    | "RequestRedirect"
    | "URLRewrite"
    | "RequestMirror";
  readonly requestHeaderModifier?: HeaderModifier | undefined;
  readonly responseHeaderModifier?: HeaderModifier | undefined;
  readonly requestRedirect?: RequestRedirect | undefined;
  readonly urlRewrite?: UrlRewrite | undefined;
  readonly requestMirror?: RequestMirror | undefined;
}

export interface HeaderModifier {
  readonly set?: readonly NamedValue[] | undefined;
  readonly add?: readonly NamedValue[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

export interface NamedValue {
  readonly name: string;
  readonly value: string;
}

export interface PathRewrite {
  readonly type: "ReplaceFullPath" | "ReplacePrefixMatch";
  readonly replaceFullPath?: string | undefined;
  readonly replacePrefixMatch?: string | undefined;
}

export interface RequestRedirect {
  readonly scheme?: "http" | "https" | undefined;
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: PathRewrite | undefined;
  readonly statusCode?: 301 | 302 | 303 | 307 | 308 | undefined;
}

export interface UrlRewrite {
  readonly hostname?: string | undefined;
  readonly path?: PathRewrite | undefined;
  readonly hostToBackendHostname?: boolean | undefined;
}

export interface RequestMirror {
  readonly backendRef: BackendRef;
  readonly percentage?: number | string | undefined;
}
