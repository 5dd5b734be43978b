import fc from "fast-check";
import type { HttpMatch } from "../mesh-http-route/conf.ts";

const segment = fc.constantFrom("/a", "/b", "/ab");
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
const value = fc.constantFrom("a", "ab", "b");
const regex = fc.constantFrom("a", "a|ab", "a.*", "[ab]+", "(a|b)?");
/** Matches that often meet `httpRequest`. */
export const httpMatch: fc.Arbitrary<HttpMatch> = fc.record(
  {
    path: fc.oneof(
      path.map((text) => ({ type: "Exact" as const, value: text })),
      fc.oneof(path, fc.constant("/")).map((text) => ({ type: "PathPrefix" as const, value: text })),
      fc
        .constantFrom("/a", "/a|/ab", "/a.*", "/[ab]+(/a)?")
        .map((text) => ({ type: "RegularExpression" as const, value: text })),
    ),
    method: fc.constantFrom("GET", "POST"),
    headers: fc.array(
      fc.oneof(
        fc.record({ name: fc.constantFrom("x", "y"), type: fc.constantFrom("Present", "Absent") }),
        fc.record({ name: fc.constantFrom("x", "y"), type: fc.constantFrom("Exact", "Prefix"), value }),
        fc.record({ name: fc.constantFrom("x", "y"), type: fc.constant("RegularExpression"), value: regex }),
      ) as fc.Arbitrary<NonNullable<HttpMatch["headers"]>[number]>,
      { maxLength: 2 },
    ),
    queryParams: fc.array(
      fc.oneof(
        fc.record({ name: fc.constantFrom("p", "q"), type: fc.constant("Exact" as const), value }),
        fc.record({
          name: fc.constantFrom("p", "q"),
          type: fc.constant("RegularExpression" as const),
          value: regex,
        }),
      ),
      { maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
const query = fc
  .array(fc.tuple(fc.constantFrom("p", "q"), value), { maxLength: 2 })
  .map((parts) => (parts.length === 0 ? "" : `?${parts.map((pair) => pair.join("=")).join("&")}`));
/** Requests that matches take or leave by a hair. */
export const httpRequest = fc.record({
  method: fc.constantFrom("GET", "POST"),
  path: fc.tuple(path, query).map((parts) => parts.join("")),
  headers: fc.dictionary(fc.constantFrom("x", "y"), value),
});
