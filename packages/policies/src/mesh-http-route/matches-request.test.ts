import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { destination, valid } from "../testing/resources.ts";
import { envoyMatches } from "../testing/route-match.ts";
import type { HttpMatch } from "./conf.ts";
import { routeMatch } from "./envoy-match.ts";
import { matchesRequest, routeFor } from "./matches-request.ts";
import { meshHttpRoute } from "./policy.ts";
import { normalizedPath } from "./request.ts";

const request = (path: string, headers: Readonly<Record<string, string>> = {}, method = "GET") => ({
  method,
  path,
  headers,
});

const cases: readonly [match: HttpMatch, path: string, headers: Record<string, string>, taken: boolean][] = [
  [{}, "/anything?x=1", {}, true],
  [{ path: { type: "Exact", value: "/a" } }, "/a?x=1", {}, true],
  [{ path: { type: "Exact", value: "/a" } }, "/a/", {}, false],
  [{ path: { type: "PathPrefix", value: "/api" } }, "/api", {}, true],
  [{ path: { type: "PathPrefix", value: "/api" } }, "/api/x", {}, true],
  [{ path: { type: "PathPrefix", value: "/api" } }, "/apis", {}, false],
  [{ path: { type: "PathPrefix", value: "/" } }, "/apis", {}, true],
  [{ path: { type: "RegularExpression", value: "/a|/b" } }, "/b", {}, true],
  [{ path: { type: "RegularExpression", value: "/a|/b" } }, "/bc", {}, false],
  [{ path: { type: "RegularExpression", value: "(?i)/A[[:digit:]]+" } }, "/a12?q", {}, true],
  [{ method: "POST" }, "/", {}, false],
  [{ headers: [{ name: "x", value: "1" }] }, "/", { x: "1" }, true],
  [{ headers: [{ name: "x", value: "1" }] }, "/", {}, false],
  [{ headers: [{ name: "x", type: "Present" }] }, "/", { x: "" }, true],
  [{ headers: [{ name: "x", type: "Absent" }] }, "/", { x: "" }, false],
  [{ headers: [{ name: "x", type: "Absent" }] }, "/", {}, true],
  [{ headers: [{ name: "x", type: "Prefix", value: "ab" }] }, "/", { x: "abc" }, true],
  [{ headers: [{ name: "x", type: "RegularExpression", value: "a.?" }] }, "/", { x: "abc" }, false],
  [
    {
      headers: [
        { name: "x", value: "1" },
        { name: "x", value: "2" },
      ],
    },
    "/",
    { x: "1" },
    true,
  ],
  [{ queryParams: [{ name: "q", type: "Exact", value: "1" }] }, "/?q=1&q=2", {}, true],
  [{ queryParams: [{ name: "q", type: "Exact", value: "2" }] }, "/?q=1&q=2", {}, false],
  [{ queryParams: [{ name: "q", type: "RegularExpression", value: "" }] }, "/?q", {}, true],
  [{ queryParams: [{ name: "q", type: "Exact", value: "" }] }, "/", {}, false],
];

for (const [match, path, headers, taken] of cases) {
  test(`${JSON.stringify(match)} ${taken ? "takes" : "leaves"} ${path} ${JSON.stringify(headers)}`, () => {
    assert.equal(matchesRequest(match, request(path, headers)), taken);
  });
}

const segment = fc.constantFrom("/a", "/b", "/ab");
const path = fc.array(segment, { minLength: 1, maxLength: 3 }).map((parts) => parts.join(""));
const value = fc.constantFrom("a", "ab", "b");
const regex = fc.constantFrom("a", "a|ab", "a.*", "[ab]+", "(a|b)?");
const match: fc.Arbitrary<HttpMatch> = fc.record(
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
const asked = fc.record({
  method: fc.constantFrom("GET", "POST"),
  path: fc.tuple(path, query).map((parts) => parts.join("")),
  headers: fc.dictionary(fc.constantFrom("x", "y"), value),
});

test("a match takes what the configuration takes that Envoy gets for it", () => {
  let taken = 0;
  fc.assert(
    fc.property(match, asked, (wanted, sent) => {
      const takes = matchesRequest(wanted, sent);
      if (takes) taken += 1;
      assert.equal(takes, envoyMatches(routeMatch(wanted), sent));
    }),
    { numRuns: 2000 },
  );
  assert.ok(taken > 50, `only ${taken} of 2000 were taken`);
});

test("the route that takes a request is the first that matches, in the order of the plan", () => {
  const rule = (matches: readonly object[]) => ({ matches, default: {} });
  const spec = {
    to: [
      {
        targetRef: { kind: "MeshService", name: "backend" },
        rules: [
          rule([{ path: { type: "PathPrefix", value: "/" } }]),
          rule([{ path: { type: "PathPrefix", value: "/a" } }]),
          rule([{ path: { type: "PathPrefix", value: "/a" }, method: "POST" }]),
        ],
      },
    ],
  };
  const policies = [valid(meshHttpRoute.kind, spec)];
  const plan = meshHttpRoute.planOutbound?.({ policies, destination: destination(), routes: [] });
  assert.ok(plan);
  const ruleFor = (sent: ReturnType<typeof request>) => routeFor(plan, sent)?.origin.rule;
  assert.equal(ruleFor(request("/a/x", {}, "POST")), "to[0].rules[2]");
  assert.equal(ruleFor(request("/a/x")), "to[0].rules[1]");
  assert.equal(ruleFor(request("/b")), "to[0].rules[0]");
});

test("paths are read without dots", () => {
  assert.equal(normalizedPath("/a/../b?x=/../y"), "/b?x=/../y");
  assert.equal(normalizedPath("/a//b"), "/a//b");
  assert.equal(normalizedPath("/a/%2e%2e/b"), "/b");
});
