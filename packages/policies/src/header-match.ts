import { create } from "@bufbuild/protobuf";
import {
  type HeaderMatcher,
  HeaderMatcherSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { RegexMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/regex_pb";
import { type StringMatcher, StringMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";
import { coversText } from "./re2/covers-text.ts";

/** A condition on a header, as several policies have it. */
export interface HeaderMatch {
  readonly name: string;
  readonly type?: "Exact" | "Prefix" | "RegularExpression" | "Present" | "Absent" | undefined;
  readonly value?: string | undefined;
}

/** The condition as Envoy reads it. */
export function headerMatcher(match: HeaderMatch): HeaderMatcher {
  const matcher = create(HeaderMatcherSchema, { name: match.name });
  const value = match.value ?? "";
  switch (match.type ?? "Exact") {
    case "Exact":
      matcher.headerMatchSpecifier = { case: "stringMatch", value: exactly(value) };
      break;
    case "Prefix":
      matcher.headerMatchSpecifier =
        value === ""
          ? { case: "presentMatch", value: true }
          : {
              case: "stringMatch",
              value: create(StringMatcherSchema, { matchPattern: { case: "prefix", value } }),
            };
      break;
    case "RegularExpression":
      matcher.headerMatchSpecifier = { case: "stringMatch", value: wholly(value) };
      break;
    case "Present":
      matcher.headerMatchSpecifier = { case: "presentMatch", value: true };
      break;
    case "Absent":
      matcher.headerMatchSpecifier = { case: "presentMatch", value: false };
  }
  return matcher;
}

/** Whether a condition holds for the value of its header; absent where the request has none. */
export function matchesHeader({ type = "Exact", value = "" }: HeaderMatch, is: string | undefined): boolean {
  if (type === "Absent") return is === undefined;
  if (is === undefined) return false;
  switch (type) {
    case "Present":
      return true;
    case "Prefix":
      return is.startsWith(value);
    case "RegularExpression":
      return coversText(value, is);
    default:
      return is === value;
  }
}

/** Matches this text and no other. */
export function exactly(value: string): StringMatcher {
  return create(StringMatcherSchema, { matchPattern: { case: "exact", value } });
}

/** Matches texts that the expression (RE2) covers from the first to the last character. */
export function wholly(regex: string): StringMatcher {
  return create(StringMatcherSchema, {
    matchPattern: { case: "safeRegex", value: create(RegexMatcherSchema, { regex }) },
  });
}
