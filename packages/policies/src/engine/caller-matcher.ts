import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { ServerNameInputSchema } from "@skein/envoy-api/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb";
import { UriSanInputSchema } from "@skein/envoy-api/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb";
import { TypedExtensionConfigSchema } from "@skein/envoy-api/xds/core/v3/extension_pb";
import {
  type Matcher_MatcherList_Predicate as Predicate,
  Matcher_MatcherList_Predicate_PredicateListSchema as PredicateListSchema,
  Matcher_MatcherList_PredicateSchema as PredicateSchema,
  Matcher_MatcherList_Predicate_SinglePredicateSchema as SinglePredicateSchema,
} from "@skein/envoy-api/xds/type/matcher/v3/matcher_pb";
import { StringMatcherSchema } from "@skein/envoy-api/xds/type/matcher/v3/string_pb";
import { belowSpiffeId } from "@skein/model";
import type { CallerMatch } from "./policy-resource.ts";

const URI_SAN = create(TypedExtensionConfigSchema, {
  name: "envoy.matching.inputs.uri_san",
  typedConfig: anyPack(UriSanInputSchema, create(UriSanInputSchema)),
});

const SERVER_NAME = create(TypedExtensionConfigSchema, {
  name: "envoy.matching.inputs.server_name",
  typedConfig: anyPack(ServerNameInputSchema, create(ServerNameInputSchema)),
});

/** The predicate for a list of alternatives; `undefined` where no alternative asks for anything. */
export function anyOf(matches: readonly CallerMatch[]): Predicate | undefined {
  const predicates = matches.map(allOf).filter((predicate) => predicate !== undefined);
  return combine("orMatcher", predicates);
}

function allOf({ spiffeID, sni }: CallerMatch): Predicate | undefined {
  const parts: Predicate[] = [];
  if (spiffeID?.type === "Exact") parts.push(single(URI_SAN, "exact", spiffeID.value));
  if (spiffeID?.type === "Prefix") {
    const id = combine("orMatcher", [
      single(URI_SAN, "exact", spiffeID.value),
      single(URI_SAN, "prefix", belowSpiffeId(spiffeID.value)),
    ]);
    if (id !== undefined) parts.push(id);
  }
  if (sni !== undefined) parts.push(single(SERVER_NAME, "exact", sni.value));
  return combine("andMatcher", parts);
}

function single(input: typeof URI_SAN, kind: "exact" | "prefix", value: string): Predicate {
  return create(PredicateSchema, {
    matchType: {
      case: "singlePredicate",
      value: create(SinglePredicateSchema, {
        input,
        matcher: {
          case: "valueMatch",
          value: create(StringMatcherSchema, { matchPattern: { case: kind, value } }),
        },
      }),
    },
  });
}

function combine(kind: "orMatcher" | "andMatcher", predicates: readonly Predicate[]): Predicate | undefined {
  if (predicates.length < 2) return predicates[0];
  return create(PredicateSchema, {
    matchType: { case: kind, value: create(PredicateListSchema, { predicate: [...predicates] }) },
  });
}
