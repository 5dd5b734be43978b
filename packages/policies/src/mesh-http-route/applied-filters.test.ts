import assert from "node:assert/strict";
import { test } from "node:test";
import { redirectAnswer, sentRequest } from "./applied-filters.ts";
import type { PathRewrite, RequestRedirect } from "./conf.ts";

const prefix = (value: string) => ({ path: { type: "PathPrefix" as const, value } });
const request = (path: string) => ({ method: "GET", path, headers: {} });
const full = (replaceFullPath: string): PathRewrite => ({ type: "ReplaceFullPath", replaceFullPath });
const instead = (replacePrefixMatch: string): PathRewrite => ({
  type: "ReplacePrefixMatch",
  replacePrefixMatch,
});

for (const [rewrite, match, path, sent] of [
  [full("/new"), "/v1", "/v1/x?q=1", "/new?q=1"],
  [full(""), "/v1", "/v1/x", "/"],
  [instead("/v2"), "/v1", "/v1", "/v2"],
  [instead("/v2/"), "/v1", "/v1/x?q=/v1", "/v2/x?q=/v1"],
  [instead("/"), "/v1", "/v1/x", "/x"],
  [instead("/"), "/v1", "/v1?q", "/?q"],
  [instead(""), "/v1", "/v1//x", "//x"],
  [instead("/v2"), "/", "/x", "/v2/x"],
  [instead("/v2"), "/", "/", "/v2/"],
] as const) {
  test(`${path} under ${match} is sent as ${sent} by ${JSON.stringify(rewrite)}`, () => {
    const filters = [{ type: "URLRewrite" as const, urlRewrite: { path: rewrite } }];
    assert.deepEqual(sentRequest(filters, prefix(match), request(path)), { path: sent });
  });
}

for (const [conf, location] of [
  [{}, "http://10.0.0.1:10001/v1/x?q=1"],
  [{ hostname: "air.test" }, "http://air.test/v1/x?q=1"],
  [{ scheme: "https" }, "https://10.0.0.1:10001/v1/x?q=1"],
  [{ port: 8443 }, "http://10.0.0.1:8443/v1/x?q=1"],
  [{ path: full("/new") }, "http://10.0.0.1:10001/new?q=1"],
  [{ path: full("/new?own=1") }, "http://10.0.0.1:10001/new?own=1"],
  [{ path: instead("/") }, "http://10.0.0.1:10001/x?q=1"],
] as readonly (readonly [RequestRedirect, string])[]) {
  test(`${JSON.stringify(conf)} redirects to ${location}`, () => {
    const filters = [{ type: "RequestRedirect" as const, requestRedirect: conf }];
    const answer = redirectAnswer(filters, prefix("/v1"), request("/v1/x?q=1"), "10.0.0.1:10001");
    assert.deepEqual(answer, { status: 302, location });
  });
}

test("a host that the caller named stays, unless a filter says another", () => {
  const filters = [{ type: "URLRewrite" as const, urlRewrite: { hostname: "inner.test" } }];
  assert.deepEqual(sentRequest(filters, {}, request("/x")), { path: "/x", host: "inner.test" });
  assert.equal(redirectAnswer(filters, {}, request("/x"), "h"), undefined);
});
