import { clone, create } from "@bufbuild/protobuf";
import { SubstitutionFormatStringSchema } from "@skein/envoy-api/envoy/config/core/v3/substitution_format_string_pb";
import type { Filter } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import {
  type Route,
  RouteMatchSchema,
  RouteSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import {
  type FilterStateValue,
  FilterStateValueSchema,
} from "@skein/envoy-api/envoy/extensions/filters/common/set_filter_state/v3/value_pb";
import { ConfigSchema } from "@skein/envoy-api/envoy/extensions/filters/network/set_filter_state/v3/set_filter_state_pb";
import {
  type FilterStateMatcher,
  FilterStateMatcherSchema,
} from "@skein/envoy-api/envoy/type/matcher/v3/filter_state_pb";
import { RegexMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/regex_pb";
import { StringMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";
import type { CallerMatch, InboundRouteDraft } from "@skein/policies";
import { networkFilter } from "@skein/policies";
import { quotedText } from "@skein/policies/re2/quoted";

/** What a connection remembers of its caller, for routes to look at. */
const CALLER_ID = "skein.caller.uri_sans";
const SERVER_NAME = "skein.caller.server_name";

/** Writes down who calls when the TLS handshake is done. */
export function callerStateFilter(): Filter {
  return networkFilter(
    "envoy.filters.network.set_filter_state",
    ConfigSchema,
    create(ConfigSchema, {
      onDownstreamTlsHandshake: [
        remembered(CALLER_ID, "%DOWNSTREAM_PEER_URI_SAN%"),
        remembered(SERVER_NAME, "%REQUESTED_SERVER_NAME%"),
      ],
    }),
  );
}

/** A copy of a route for the callers of each match, given from the most to the least specific, then the route itself. */
export function callerRoutes(route: Route, callers: readonly CallerMatch[]): readonly InboundRouteDraft[] {
  const copies = callers.map((caller) => {
    const copy = clone(RouteSchema, route);
    copy.match ??= create(RouteMatchSchema);
    copy.match.filterState = stateMatchers(caller);
    return { route: copy, caller };
  });
  return [...copies, { route }];
}

function remembered(key: string, format: string): FilterStateValue {
  return create(FilterStateValueSchema, {
    key: { case: "objectKey", value: key },
    factoryKey: "envoy.string",
    value: {
      case: "formatString",
      value: create(SubstitutionFormatStringSchema, {
        format: {
          case: "textFormatSource",
          value: { specifier: { case: "inlineString", value: format } },
        },
      }),
    },
    skipIfEmpty: true,
  });
}

function stateMatchers({ spiffeID, sni }: CallerMatch): FilterStateMatcher[] {
  const matchers: FilterStateMatcher[] = [];
  if (spiffeID !== undefined) {
    // The SPIFFE id is the first URI of a certificate; certificates of the mesh's own CA go on with tags.
    const below = spiffeID.type === "Prefix" ? "(/[^,]*)?" : "";
    const regex = `${quotedText(spiffeID.value)}${below}(,.*)?`;
    matchers.push(
      create(FilterStateMatcherSchema, {
        key: CALLER_ID,
        matcher: {
          case: "stringMatch",
          value: create(StringMatcherSchema, {
            matchPattern: { case: "safeRegex", value: create(RegexMatcherSchema, { regex }) },
          }),
        },
      }),
    );
  }
  if (sni !== undefined) {
    matchers.push(
      create(FilterStateMatcherSchema, {
        key: SERVER_NAME,
        matcher: {
          case: "stringMatch",
          value: create(StringMatcherSchema, { matchPattern: { case: "exact", value: sni.value } }),
        },
      }),
    );
  }
  return matchers;
}
