import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { httpMatch, httpRequest } from "../testing/http-matches.ts";
import { destination, valid } from "../testing/resources.ts";
import { envoyMatches } from "../testing/route-match.ts";
import type { HttpMatch } from "./conf.ts";
import { covers } from "./covers.ts";
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

test("a match takes what the configuration takes that Envoy gets for it", () => {
  let taken = 0;
  fc.assert(
    fc.property(httpMatch, httpRequest, (wanted, sent) => {
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

test("a match that covers another takes all of its requests", () => {
  let covered = 0;
  fc.assert(
    fc.property(httpMatch, httpMatch, httpRequest, (broad, narrow, sent) => {
      if (!covers(broad, narrow) || !matchesRequest(narrow, sent)) return;
      covered += 1;
      assert.ok(matchesRequest(broad, sent));
    }),
    { numRuns: 20_000 },
  );
  assert.ok(covered > 10, `only ${covered} requests were taken by a match that another one covers`);
});

test("only what is clear is covered", () => {
  const prefix = (value: string) => ({ path: { type: "PathPrefix" as const, value } });
  const regex = { path: { type: "RegularExpression" as const, value: "/a/.*" } };
  assert.ok(covers(prefix("/"), regex));
  assert.ok(covers(prefix("/a"), { ...prefix("/a/b"), method: "GET" }));
  assert.ok(!covers(prefix("/a"), prefix("/ab")));
  assert.ok(!covers(prefix("/a"), regex));
  assert.ok(!covers({ ...prefix("/"), method: "GET" }, prefix("/")));
});

test("paths are read without dots", () => {
  assert.equal(normalizedPath("/a/../b?x=/../y"), "/b?x=/../y");
  assert.equal(normalizedPath("/a//b"), "/a//b");
  assert.equal(normalizedPath("/a/%2e%2e/b"), "/b");
});
